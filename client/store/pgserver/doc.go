// Package pgserver starts a private, real PostgreSQL server for tests: with its
// own data, port and password, in a folder that goes away with it. It is no
// part of a node and nothing to keep data in.
//
// The newest server installed on the machine is taken; a machine without one is
// an error that says what to install, so that tests on PostgreSQL are never
// skipped unseen. PostgreSQL refuses to run as root: then the server runs as
// the user postgres, or nobody. It writes through to the disk (fsync) as a real
// one does.
package pgserver
