package client

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
)

// A query is answered by a single peer, a wallet's by somebody else's.
func TestAnswersOfALyingPeer(t *testing.T) {
	for name, answer := range map[string]string{
		"null": `null`, "nothing": `{}`, "no keys": `{"id":"00112233445566778899aabbccddeeff","keys":[]}`, "not JSON": `<html>`,
	} {
		t.Run(name, func(t *testing.T) {
			p, err := decodeAnswer[record.Party]("registry:Party", []byte(answer))
			require.ErrorIs(t, err, ErrAnswer)
			require.Nil(t, p, "a caller asks for the current keys at once")
		})
	}
}
