"""The explorer: a page on this machine in which a system is turned over by hand (`ssm-numerics explore`)."""
