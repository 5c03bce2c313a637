package alliance

import (
	"crypto/rand"
	"io"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/crypto/pre"
)

// Deployment is the channel, the chaincode and the public parameters for which
// members sign. Its methods may run at the same time if its source of randomness
// may.
type Deployment struct {
	Params  *pre.Parameters
	Context record.Context
	random  io.Reader
}

// New is a deployment. A nil source of randomness stands for the operating
// system's; any other is for runs that must be repeatable, never for secrets.
func New(params *pre.Parameters, channel, chaincode string, random io.Reader) *Deployment {
	if random == nil {
		random = rand.Reader
	}
	return &Deployment{
		Params:  params,
		Context: record.Context{ParamsID: params.ID(), Channel: channel, Chaincode: chaincode},
		random:  random,
	}
}

// NewParameters draws a master key, forgets it and answers with parameters under
// it. A nil source of randomness stands for the operating system's.
func NewParameters(system string, random io.Reader) (*pre.Parameters, error) {
	if random == nil {
		random = rand.Reader
	}
	var seed [32]byte
	if _, err := io.ReadFull(random, seed[:]); err != nil {
		return nil, err
	}
	drawn, err := pre.DeriveScopedKey(seed, "master")
	if err != nil {
		return nil, err
	}
	master, err := pre.ParseMasterKey(drawn.Bytes())
	if err != nil {
		return nil, err
	}
	return pre.NewParameters(system, master.PublicKey())
}

// Draw fills b with randomness.
func (d *Deployment) Draw(b []byte) error {
	_, err := io.ReadFull(d.random, b)
	return err
}

// drawAll fills every slice with randomness.
func (d *Deployment) drawAll(slices ...[]byte) error {
	for _, b := range slices {
		if err := d.Draw(b); err != nil {
			return err
		}
	}
	return nil
}

// Setup is the argument of registry:InitSystem with the usual time limits.
func (d *Deployment) Setup() record.Setup {
	return record.Setup{Parameters: d.Params.Bytes(), RecordWindow: record.DefaultRecordWindow, ClockSkew: record.DefaultClockSkew}
}
