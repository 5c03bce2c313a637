// Package trace gives every call an identifier that follows it from node to
// node, so that one claim can be found in the logs of all of them. An identifier
// says nothing and proves nothing: whoever calls may have chosen it.
package trace

import (
	"context"
	"crypto/rand"

	"google.golang.org/grpc/metadata"
)

// Header is the metadata key under which the identifier travels.
const Header = "x-request-id"

// MaxLength bounds an identifier, in bytes.
const MaxLength = 64

type key struct{}

// With puts an identifier into the context.
func With(ctx context.Context, id string) context.Context { return context.WithValue(ctx, key{}, id) }

// ID is the identifier in the context, or "".
func ID(ctx context.Context) string {
	id, _ := ctx.Value(key{}).(string)
	return id
}

// New draws an identifier.
func New() string { return rand.Text() }

// Ensure returns a context with an identifier: the one it has, or a new one.
func Ensure(ctx context.Context) context.Context {
	if ID(ctx) != "" {
		return ctx
	}
	return With(ctx, New())
}

// Outgoing puts the identifier of the context, or a new one, into the metadata
// of calls made with the context that it returns.
func Outgoing(ctx context.Context) context.Context {
	ctx = Ensure(ctx)
	sent, ok := metadata.FromOutgoingContext(ctx)
	if ok {
		sent = sent.Copy()
	} else {
		sent = metadata.MD{}
	}
	sent.Set(Header, ID(ctx))
	return metadata.NewOutgoingContext(ctx, sent)
}

// Incoming takes the identifier of a call that arrived. One that is missing, too
// long or of other characters than letters, digits and "-" is replaced: it goes
// into logs.
func Incoming(ctx context.Context) context.Context {
	if got := metadata.ValueFromIncomingContext(ctx, Header); len(got) == 1 && wellFormed(got[0]) {
		return With(ctx, got[0])
	}
	return With(ctx, New())
}

func wellFormed(id string) bool {
	for i := range len(id) {
		switch c := id[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-':
		default:
			return false
		}
	}
	return id != "" && len(id) <= MaxLength
}
