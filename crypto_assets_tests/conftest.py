"""Fixtures for all tests: the real servers."""

pytest_plugins = [
    "crypto_assets_tests.services.certificates",
    "crypto_assets_tests.services.mariadb",
    "crypto_assets_tests.services.s3",
    "crypto_assets_tests.services.exchange",
    "crypto_assets_tests.services.chromium",
]
