package ledger

import (
	"bytes"
	"encoding/pem"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/stretchr/testify/require"
)

func group(m *msp.MSPConfig) *common.ConfigGroup {
	return &common.ConfigGroup{Values: map[string]*common.ConfigValue{"MSP": {Value: marshal(m)}}}
}

func x509MSP(name string, alter func(*msp.FabricMSPConfig)) *msp.MSPConfig {
	armoured := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("root of " + name)})
	c := &msp.FabricMSPConfig{Name: name, RootCerts: [][]byte{armoured}, TlsRootCerts: [][]byte{[]byte("another authority")}}
	if alter != nil {
		alter(c)
	}
	return &msp.MSPConfig{Config: marshal(c)}
}

func channelOf(organisations map[string]*common.ConfigGroup) *common.Config {
	return &common.Config{ChannelGroup: &common.ConfigGroup{Groups: map[string]*common.ConfigGroup{
		"Application": {Groups: organisations},
		"Orderer":     {Groups: map[string]*common.ConfigGroup{"orderers": group(x509MSP("OrdererMSP", nil))}},
	}}}
}

func TestOrganisations(t *testing.T) {
	idemix := x509MSP("AnonymousMSP", nil)
	idemix.Type = 1
	all, err := organisations(channelOf(map[string]*common.ConfigGroup{
		"shop": group(x509MSP("ShopMSP", func(c *msp.FabricMSPConfig) {
			c.IntermediateCerts, c.RevocationList = [][]byte{[]byte("der")}, [][]byte{[]byte("list")}
		})),
		"insurer":   group(x509MSP("InsurerMSP", nil)),
		"anonymous": group(idemix),
	}))
	require.NoError(t, err)
	require.Equal(t, []MSP{
		{ID: "InsurerMSP", Roots: [][]byte{[]byte("root of InsurerMSP")}},
		{ID: "ShopMSP", Roots: [][]byte{[]byte("root of ShopMSP")}, Intermediates: [][]byte{[]byte("der")}, Revocations: [][]byte{[]byte("list")}},
	}, all, "neither the orderers' nor a TLS authority")
}

func TestOrganisationsRefuses(t *testing.T) {
	garbage := &common.ConfigGroup{Values: map[string]*common.ConfigValue{"MSP": {Value: bytes.Repeat([]byte{0xff}, 9)}}}
	for name, groups := range map[string]map[string]*common.ConfigGroup{
		"no organisation":           nil,
		"an MSP without a name":     {"shop": group(x509MSP("", nil))},
		"an organisation with none": {"shop": {}},
		"garbage":                   {"shop": garbage},
	} {
		t.Run(name, func(t *testing.T) {
			all, err := organisations(channelOf(groups))
			require.Error(t, err)
			require.Nil(t, all)
		})
	}
}

// The fake peer's channel has no organisation; that the question arrives shows
// in the answer.
func TestOrganisationsAsksThePeer(t *testing.T) {
	n := newNetwork(t, 1)
	_, err := n.dial(t).Organisations(t.Context())
	require.ErrorContains(t, err, "names no organisation")
	require.Equal(t, 1, n.peers[0].count("Config"))
}
