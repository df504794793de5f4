"""`python -m npinfer.cli`."""

from npinfer.cli.main import main

if __name__ == "__main__":
    main()
