"""`python -m crypto_assets`: run the command `crypto-assets`."""

from crypto_assets.cli import main

if __name__ == "__main__":
    main()
