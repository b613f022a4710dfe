"""`python -m piragua` is `piragua`."""

from piragua.cli.main import main

if __name__ == "__main__":
    main(prog_name="piragua")
