// Package e2e holds nothing but tests: of all modules together, on real
// networks. They need no preparation and leave no process behind.
package e2e
