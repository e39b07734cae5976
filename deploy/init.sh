#!/bin/sh
# What the one-machine size does before anything else starts; as often as you like.
set -eu
dagster instance migrate
python deploy/widen_columns.py
python deploy/log_bucket.py
crypto-assets init
