"""What `make bench` runs."""

from bench.catalog import main

main()
