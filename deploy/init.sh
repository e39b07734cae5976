#!/bin/sh
# Initializes the one-machine size before its services start; may be repeated.
set -eu
dagster instance migrate
python deploy/widen_columns.py
python deploy/log_bucket.py
crypto-assets init
