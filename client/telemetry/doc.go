// Package telemetry measures a party's node for Prometheus: one registry for
// each node and no global state. Decorators stand around the interfaces that the
// node is put together from, so that the SDK itself knows nothing of metrics.
//
// Values of labels are names out of this program: transactions, methods,
// operations, codes of errors. No label holds a party, a person, a record or
// anything else that a caller can choose, and no number tells one record from
// another.
package telemetry
