//go:build !failpoints

package node

// profile does nothing here: only builds for tests, with the tag failpoints,
// write down what their processor time goes into.
func profile(*Config) (stop func(), err error) { return func() {}, nil }
