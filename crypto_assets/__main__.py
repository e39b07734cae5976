"""`python -m crypto_assets`: the command."""

from crypto_assets.cli import main

if __name__ == "__main__":
    main()
