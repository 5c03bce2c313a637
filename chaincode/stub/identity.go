package stub

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
)

// attributesOID is the certificate extension in which Fabric CA puts attributes.
var attributesOID = asn1.ObjectIdentifier{1, 2, 3, 4, 5, 6, 7, 8, 1}

// Identity is a certificate of a member service provider. Chaincode sees what
// it would see of a certificate from a real Fabric CA.
type Identity struct {
	mspID       string
	certificate *x509.Certificate
	serialized  []byte
}

// NewIdentity makes a certificate with a fresh key, and with attributes when any
// are given. Its organisational units are those given, such as "admin", or else
// "client"; its issuer is "ca." and the MSP.
func NewIdentity(mspID, commonName string, attributes map[string]string, units ...string) (*Identity, error) {
	if len(units) == 0 {
		units = []string{"client"}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("stub: generate key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("stub: draw serial number: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: commonName, OrganizationalUnit: units},
		NotBefore:    time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	if len(attributes) > 0 {
		value, err := json.Marshal(map[string]any{"attrs": attributes})
		if err != nil {
			return nil, fmt.Errorf("stub: encode attributes: %w", err)
		}
		template.ExtraExtensions = []pkix.Extension{{Id: attributesOID, Value: value}}
	}
	issuer := &x509.Certificate{Subject: pkix.Name{CommonName: "ca." + mspID}}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("stub: make certificate: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("stub: read certificate: %w", err)
	}
	serialized, err := proto.Marshal(&msp.SerializedIdentity{
		Mspid:   mspID,
		IdBytes: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
	})
	if err != nil {
		return nil, fmt.Errorf("stub: encode identity: %w", err)
	}
	return &Identity{mspID: mspID, certificate: certificate, serialized: serialized}, nil
}

// MSP is the identifier of the member service provider.
func (id *Identity) MSP() string { return id.mspID }

// Subject is the certificate's distinguished name.
func (id *Identity) Subject() string { return id.certificate.Subject.String() }

// Certificate is the certificate itself.
func (id *Identity) Certificate() *x509.Certificate { return id.certificate }
