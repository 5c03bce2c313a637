package postgres

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Over a network, a server that anybody can be is told from one that is known.
func TestVerified(t *testing.T) {
	for address, want := range map[string]bool{
		"postgres://node@db.example/claims?sslmode=verify-full":             true,
		"postgres://node@db.example/claims":                                 false,
		"postgres://node@db.example/claims?sslmode=prefer":                  false,
		"postgres://node@db.example/claims?sslmode=require":                 false,
		"postgres://node@db.example/claims?sslmode=disable":                 false,
		"postgres://node@127.0.0.1,db.example/claims":                       false,
		"postgres://node@db.example,db2.example/claims?sslmode=verify-full": true,
		"postgres://node@127.0.0.1:5432/claims?sslmode=disable":             true,
		"postgres://node@[::1]/claims":                                      true,
		"postgres://node@localhost/claims":                                  true,
		"postgres:///claims?host=/run/postgresql":                           true,
	} {
		got, err := Verified(address)
		require.NoError(t, err, address)
		require.Equal(t, want, got, address)
	}
	_, err := Verified("postgres://node:swordfish%zz@db.example/claims")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "swordfish")
}
