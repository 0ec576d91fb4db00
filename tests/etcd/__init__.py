"""The etcd store against a real etcd (Debian's), started by its driver, ended by its id."""
