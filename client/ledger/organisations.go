package ledger

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
)

// cscc is Fabric's own chaincode for questions about a channel's configuration.
const cscc = "cscc"

// An MSP is what the channel's configuration says about one organisation: whose
// certificates are its members'.
type MSP struct {
	ID            string
	Roots         [][]byte // DER certificates
	Intermediates [][]byte // DER certificates
	Revocations   [][]byte // DER certificate revocation lists, signed by one of these
}

// Organisations is the MSPs of the channel's application, in the order of their
// names. One peer alone answers: who decides by them whom to trust lists only
// peers that it trusts in its Connection.
func (l *Ledger) Organisations(ctx context.Context) ([]MSP, error) {
	answer, err := l.evaluate(ctx, cscc, "", "GetChannelConfig", []string{l.connection.Channel})
	if err != nil {
		return nil, err
	}
	var config common.Config
	if err := proto.Unmarshal(answer, &config); err != nil {
		return nil, fmt.Errorf("read the peer's answer: %w", err)
	}
	return organisations(&config)
}

// organisations reads the application's MSPs out of a configuration.
func organisations(config *common.Config) ([]MSP, error) {
	groups := config.GetChannelGroup().GetGroups()["Application"].GetGroups()
	var all []MSP
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		m, err := decodeMSP(groups[name].GetValues()["MSP"].GetValue())
		if err != nil {
			return nil, fmt.Errorf("organisation %q: %w", name, err)
		}
		if m != nil {
			all = append(all, *m)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("the channel's configuration names no organisation with certificates")
	}
	return all, nil
}

// x509Provider is Fabric's number for MSPs of X.509 certificates.
const x509Provider = 0

// decodeMSP answers nil for an MSP whose members have no certificates.
func decodeMSP(text []byte) (*MSP, error) {
	var config msp.MSPConfig
	if err := proto.Unmarshal(text, &config); err != nil {
		return nil, err
	}
	if config.GetType() != x509Provider {
		return nil, nil
	}
	var fabric msp.FabricMSPConfig
	if err := proto.Unmarshal(config.GetConfig(), &fabric); err != nil {
		return nil, err
	}
	if fabric.GetName() == "" {
		return nil, errors.New("its MSP has no name")
	}
	return &MSP{
		ID: fabric.GetName(), Roots: bodies(fabric.GetRootCerts()),
		Intermediates: bodies(fabric.GetIntermediateCerts()), Revocations: bodies(fabric.GetRevocationList()),
	}, nil
}

// bodies takes the PEM armour off, where there is one.
func bodies(list [][]byte) [][]byte {
	var all [][]byte
	for _, text := range list {
		if block, _ := pem.Decode(text); block != nil {
			text = block.Bytes
		}
		all = append(all, text)
	}
	return all
}

// KeyPair reads the client's certificate and key for TLS, and checks what Dial
// checks of them: unexpired, belonging together, the key readable by its owner
// only. The errors are ErrConnection.
func (c Connection) KeyPair() (*tls.Certificate, error) {
	who, err := c.signer()
	if err != nil {
		return nil, err
	}
	key, err := readPrivate(c.ClientKey)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(who.id.Credentials(), key)
	if err != nil {
		return nil, fmt.Errorf("%w: client key %s does not belong to certificate %s; name the pair that was issued together",
			ErrConnection, c.ClientKey, c.ClientCert)
	}
	return &pair, nil
}
