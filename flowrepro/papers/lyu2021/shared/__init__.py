"""What more than one topic of lyu2021 needs: margins, certificates, limits and planes."""
