"""``python -m flowrepro``."""

from flowrepro.cli import main

if __name__ == "__main__":
    main()
