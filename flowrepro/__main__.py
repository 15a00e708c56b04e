"""``python -m flowrepro``."""

from flowrepro.cli.main import main

if __name__ == "__main__":
    main()
