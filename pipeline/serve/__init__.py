"""The operators' page: a small web server that shows and starts what the command line does."""
