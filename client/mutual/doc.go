// Package mutual lets party nodes know each other: TLS 1.3 with the certificates
// that the organisations' own Fabric authorities issued, on both sides.
//
// Host names say nothing here. A certificate counts when it leads to a root of
// one of the channel's MSPs, is in force and was not revoked ([Trust]). Who
// shows it is the party to which the ledger binds that MSP and the certificate's
// subject ([Registry]). Neither is ever taken from a message.
//
// It does not protect a party whose private key was stolen: have its authority
// put the certificate on the organisation's revocation list in the channel's
// configuration, which takes effect here within [Timing.Fresh].
package mutual

import (
	"log/slog"
	"time"
)

// Timing says how long answers of the ledger are good for.
type Timing struct {
	// Fresh is how long the channel's MSPs are used before they are asked for
	// again.
	Fresh time.Duration
	// Stale is how long they are used when they cannot be asked for.
	Stale time.Duration
	// Status is how long a party's status is believed.
	Status time.Duration
	// Pause is the least time between two questions that strangers cause.
	Pause time.Duration
	// Patience bounds one question.
	Patience time.Duration
	// Reload is the least time between two looks at the certificate's file.
	Reload time.Duration
}

// DefaultTiming suits a network of any size.
func DefaultTiming() Timing {
	return Timing{
		Fresh: 30 * time.Second, Stale: 10 * time.Minute, Status: 2 * time.Second,
		Pause: 5 * time.Second, Patience: 10 * time.Second, Reload: time.Second,
	}
}

// Node is what a node shows others and how it knows them. All fields are set.
type Node struct {
	Credential *Credential
	Trust      *Trust
	Registry   *Registry
	Log        *slog.Logger
}
