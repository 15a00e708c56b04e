"""Laws beyond lyu2021: when its limits are reached, and what is optimal outside its theorems."""
