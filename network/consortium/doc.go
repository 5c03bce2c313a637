// Package consortium runs the organisations' own nodes beside a network: one
// process of the claimshare program each for the system manager, the proxy, the
// insurers and the repair shops, with a database, keys, a Fabric identity, a
// configuration file and three listeners of its own. They are set up with the
// very commands that an operator would type, and kept alive by a supervisor, so
// that a node that is killed comes back.
package consortium
