// Package claims drives a consortium the way its people do: policyholders with
// wallets, and clerks at the operator sockets of their organisations' nodes. It
// holds no shortcut: everything goes to the nodes' processes over the sockets
// and listeners that they have in use.
//
// What is a person's to decide, to try again above all, is the caller's.
package claims
