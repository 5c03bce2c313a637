package ledger

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quick makes the tests short. The waits still differ by enough to tell them
// apart on a busy machine.
var quick = timing{
	firstPause:   5 * time.Millisecond,
	longestPause: 50 * time.Millisecond,
	attempt:      2 * time.Second,
	patience:     20 * time.Second,
	commit:       300 * time.Millisecond,
	longestWait:  time.Second,
	overtaking:   50 * time.Millisecond,
	avoidance:    200 * time.Millisecond,
}

// A chain is what the peers of a network agree on. It stands in for the
// ordering service and for what happens at commit.
type chain struct {
	mu       sync.Mutex
	changed  *sync.Cond
	blocks   []*common.Block
	places   map[string]place
	received [][]byte // envelopes in the order in which orderers got them
	lose     int      // so many of the next envelopes are acknowledged and forgotten
	verdicts []peer.TxValidationCode
}

type place struct {
	block uint64
	code  peer.TxValidationCode
}

func newChain() *chain {
	c := &chain{places: map[string]place{}}
	c.changed = sync.NewCond(&c.mu)
	c.append(nil, nil)
	return c
}

func (c *chain) order(envelope *common.Envelope) {
	c.mu.Lock()
	text, _ := proto.Marshal(envelope)
	c.received = append(c.received, text)
	lost := c.lose > 0
	if lost {
		c.lose--
	}
	code := peer.TxValidationCode_VALID
	if !lost && len(c.verdicts) > 0 {
		code, c.verdicts = c.verdicts[0], c.verdicts[1:]
	}
	c.mu.Unlock()
	if !lost {
		c.append([][]byte{text}, []peer.TxValidationCode{code})
	}
}

func (c *chain) append(envelopes [][]byte, verdicts []peer.TxValidationCode) {
	c.mu.Lock()
	defer c.mu.Unlock()
	number := uint64(len(c.blocks))
	codes := make([]byte, len(envelopes))
	for i, text := range envelopes {
		t, _ := decodeTransaction(text)
		code := verdicts[i]
		if _, seen := c.places[t.TxID]; seen {
			code = peer.TxValidationCode_DUPLICATE_TXID
		} else {
			c.places[t.TxID] = place{number, code}
		}
		codes[i] = byte(code)
	}
	metadata := make([][]byte, len(common.BlockMetadataIndex_name))
	metadata[common.BlockMetadataIndex_TRANSACTIONS_FILTER] = codes
	var previous []byte
	if number > 0 {
		hash, _ := hashHeader(c.blocks[number-1].GetHeader())
		previous = hash[:]
	}
	c.blocks = append(c.blocks, &common.Block{
		Header:   &common.BlockHeader{Number: number, PreviousHash: previous, DataHash: hashData(envelopes)},
		Data:     &common.BlockData{Data: envelopes},
		Metadata: &common.BlockMetadata{Metadata: metadata},
	})
	c.changed.Broadcast()
}

// wait returns when found does, or when ctx ends.
func (c *chain) wait(ctx context.Context, found func() bool) error {
	stop := context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.changed.Broadcast()
	})
	defer stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for !found() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.changed.Wait()
	}
	return nil
}

// A fakePeer answers as the gateway of Fabric 3.1 does. For every method it can
// be given a list of errors for the next calls; nil lets a call through.
type fakePeer struct {
	gateway.UnimplementedGatewayServer
	peer.UnimplementedDeliverServer

	chain   *chain
	address string
	config  *tls.Config
	server  *grpc.Server

	mu         sync.Mutex
	script     map[string][]error
	calls      map[string]int
	proposals  []*gateway.EndorseRequest
	questions  []*gateway.SignedCommitStatusRequest
	inHand     int
	mostInHand int
	delay      time.Duration
	hang       string // a method that answers only when the client hangs up
	breakAfter int    // a stream of blocks ends after so many, if not zero
}

func (p *fakePeer) next(method string, errs ...error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.script[method] = append(p.script[method], errs...)
}

func (p *fakePeer) count(method string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[method]
}

func (p *fakePeer) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *fakePeer) enter(ctx context.Context, method string) error {
	p.mu.Lock()
	p.calls[method]++
	var err error
	if waiting := p.script[method]; len(waiting) > 0 {
		err, p.script[method] = waiting[0], waiting[1:]
	}
	p.inHand++
	p.mostInHand = max(p.mostInHand, p.inHand)
	delay, hang := p.delay, p.hang == method
	p.mu.Unlock()
	defer p.set(func() { p.inHand-- })
	if hang {
		<-ctx.Done()
		return ctx.Err()
	}
	time.Sleep(delay)
	return err
}

func (p *fakePeer) Endorse(ctx context.Context, r *gateway.EndorseRequest) (*gateway.EndorseResponse, error) {
	p.set(func() { p.proposals = append(p.proposals, r) })
	if err := p.enter(ctx, "Endorse"); err != nil {
		return nil, err
	}
	return &gateway.EndorseResponse{PreparedTransaction: endorsed(r, "answer")}, nil
}

func (p *fakePeer) Submit(ctx context.Context, r *gateway.SubmitRequest) (*gateway.SubmitResponse, error) {
	err := p.enter(ctx, "Submit")
	var delivered deliveredError
	if err != nil && !errors.As(err, &delivered) {
		return nil, err
	}
	p.chain.order(r.GetPreparedTransaction())
	if err != nil {
		return nil, delivered.err
	}
	return &gateway.SubmitResponse{}, nil
}

// A deliveredError is told to the client although the orderer has the envelope.
type deliveredError struct{ err error }

func (e deliveredError) Error() string { return e.err.Error() }

func (p *fakePeer) CommitStatus(ctx context.Context, r *gateway.SignedCommitStatusRequest) (*gateway.CommitStatusResponse, error) {
	p.set(func() { p.questions = append(p.questions, r) })
	if err := p.enter(ctx, "CommitStatus"); err != nil {
		return nil, err
	}
	var request gateway.CommitStatusRequest
	if err := proto.Unmarshal(r.GetRequest(), &request); err != nil {
		return nil, err
	}
	var found place
	err := p.chain.wait(ctx, func() (ok bool) {
		found, ok = p.chain.places[request.GetTransactionId()]
		return ok
	})
	if err != nil {
		return nil, err
	}
	return &gateway.CommitStatusResponse{Result: found.code, BlockNumber: found.block}, nil
}

func (p *fakePeer) Evaluate(ctx context.Context, r *gateway.EvaluateRequest) (*gateway.EvaluateResponse, error) {
	chaincode, args := invocation(r.GetProposedTransaction())
	if chaincode == "cscc" {
		if err := p.enter(ctx, "Config"); err != nil {
			return nil, err
		}
		return result(channelConfig("10ms"))
	}
	if err := p.enter(ctx, "Evaluate"); err != nil {
		return nil, err
	}
	if chaincode != "qscc" {
		return result([]byte(fmt.Sprintf("%s%q", chaincode, args)))
	}
	p.chain.mu.Lock()
	defer p.chain.mu.Unlock()
	if args[0] == "GetChainInfo" {
		return result(marshal(&common.BlockchainInfo{Height: uint64(len(p.chain.blocks))}))
	}
	found, ok := p.chain.places[args[2]]
	if !ok {
		return nil, refusal(codes.Unknown, "chaincode response 500, Failed to get block for txID "+args[2]+", error no such transaction ID ["+args[2]+"] in index")
	}
	return result(marshal(p.chain.blocks[found.block]))
}

func (p *fakePeer) Deliver(stream peer.Deliver_DeliverServer) error {
	if err := p.enter(stream.Context(), "Deliver"); err != nil {
		var end streamEnd
		if errors.As(err, &end) {
			return stream.Send(&peer.DeliverResponse{Type: &peer.DeliverResponse_Status{Status: common.Status(end)}})
		}
		return err
	}
	envelope, err := stream.Recv()
	if err != nil {
		return err
	}
	var payload common.Payload
	var seek orderer.SeekInfo
	if err := errors.Join(proto.Unmarshal(envelope.GetPayload(), &payload), proto.Unmarshal(payload.GetData(), &seek)); err != nil {
		return err
	}
	p.mu.Lock()
	limit := p.breakAfter
	p.mu.Unlock()
	from := seek.GetStart().GetSpecified().GetNumber()
	for n := from; limit == 0 || n < from+uint64(limit); n++ {
		var block *common.Block
		if err := p.chain.wait(stream.Context(), func() bool {
			if n < uint64(len(p.chain.blocks)) {
				block = p.chain.blocks[n]
			}
			return block != nil
		}); err != nil {
			return err
		}
		if err := stream.Send(&peer.DeliverResponse{Type: &peer.DeliverResponse_Block{Block: block}}); err != nil {
			return err
		}
	}
	return nil // a stream that ends silently
}

func (p *fakePeer) start(t *testing.T) {
	t.Helper()
	address := p.address
	if address == "" {
		address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	p.address = listener.Addr().String()
	p.server = grpc.NewServer(grpc.Creds(credentials.NewTLS(p.config)))
	gateway.RegisterGatewayServer(p.server, p)
	peer.RegisterDeliverServer(p.server, p)
	go p.server.Serve(listener)
}

func (p *fakePeer) stop() { p.server.Stop() }

// A network is a chain, some peers, and the files with which to reach them.
type network struct {
	chain      *chain
	peers      []*fakePeer
	connection Connection
	key        *ecdsa.PrivateKey
	dir        string
}

func newNetwork(t *testing.T, peers int) *network {
	t.Helper()
	n := &network{chain: newChain(), dir: t.TempDir()}
	rootKey, root := newCertificate(t, "root", nil, nil)
	serverKey, server := newCertificate(t, "localhost", root, rootKey)
	clientKey, client := newCertificate(t, "client", root, rootKey)
	n.key = clientKey
	writePEM(t, n.file("root.pem"), "CERTIFICATE", root.Raw)
	writePEM(t, n.file("client.pem"), "CERTIFICATE", client.Raw)
	key, err := x509.MarshalPKCS8PrivateKey(clientKey)
	require.NoError(t, err)
	writePEM(t, n.file("client.key"), "PRIVATE KEY", key)
	n.connection = Connection{
		MSPID: "InsurerMSP", Channel: "claims", Chaincode: "claimshare", Endorsers: []string{"SMMSP"},
		ClientCert: n.file("client.pem"), ClientKey: n.file("client.key"),
	}
	for range peers {
		p := &fakePeer{
			chain:  n.chain,
			config: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{server.Raw}, PrivateKey: serverKey}}},
			script: map[string][]error{},
			calls:  map[string]int{},
		}
		p.start(t)
		t.Cleanup(func() { p.stop() })
		n.peers = append(n.peers, p)
		n.connection.Peers = append(n.connection.Peers, Peer{Endpoint: p.address, TLSRootCert: n.file("root.pem"), ServerName: "localhost"})
	}
	return n
}

func (n *network) file(name string) string { return filepath.Join(n.dir, name) }

func (n *network) dial(t *testing.T, options ...Option) *Ledger {
	t.Helper()
	l, err := Dial(n.connection, append([]Option{withTiming(quick)}, options...)...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

func newCertificate(t *testing.T, name string, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: parent == nil, BasicConstraintsValid: true,
	}
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return key, certificate
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

// refusal is a gateway's error with what one endorser said in its details.
func refusal(code codes.Code, detail string) error {
	s, err := status.New(code, "see attached details").WithDetails(
		protoadapt.MessageV1Of(&gateway.ErrorDetail{Address: "peer0:7051", MspId: "SMMSP", Message: detail}))
	if err != nil {
		panic(err)
	}
	return s.Err()
}

func marshal(m proto.Message) []byte {
	text, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return text
}

func result(payload []byte) (*gateway.EvaluateResponse, error) {
	return &gateway.EvaluateResponse{Result: &peer.Response{Status: 200, Payload: payload}}, nil
}

func channelConfig(timeout string) []byte {
	return marshal(&common.Config{ChannelGroup: &common.ConfigGroup{Groups: map[string]*common.ConfigGroup{
		"Orderer": {Values: map[string]*common.ConfigValue{
			"BatchTimeout": {Value: marshal(&orderer.BatchTimeout{Timeout: timeout})},
		}},
	}}})
}

// invocation reads the chaincode and the arguments of a proposal.
func invocation(signed *peer.SignedProposal) (string, []string) {
	var proposal peer.Proposal
	var payload peer.ChaincodeProposalPayload
	var spec peer.ChaincodeInvocationSpec
	_ = proto.Unmarshal(signed.GetProposalBytes(), &proposal)
	_ = proto.Unmarshal(proposal.GetPayload(), &payload)
	_ = proto.Unmarshal(payload.GetInput(), &spec)
	var args []string
	for _, a := range spec.GetChaincodeSpec().GetInput().GetArgs() {
		args = append(args, string(a))
	}
	return spec.GetChaincodeSpec().GetChaincodeId().GetName(), args
}

// endorsed builds the transaction that a gateway would: the contract wrote one
// key, set one event and answered with payload.
func endorsed(r *gateway.EndorseRequest, payload string) *common.Envelope {
	var proposal peer.Proposal
	var header common.Header
	var input peer.ChaincodeProposalPayload
	_ = proto.Unmarshal(r.GetProposedTransaction().GetProposalBytes(), &proposal)
	_ = proto.Unmarshal(proposal.GetHeader(), &header)
	_ = proto.Unmarshal(proposal.GetPayload(), &input)
	chaincode, args := invocation(r.GetProposedTransaction())
	writes := marshal(&kvrwset.KVRWSet{Writes: []*kvrwset.KVWrite{{Key: "key", Value: []byte("value")}}})
	action := &peer.ChaincodeAction{
		ChaincodeId: &peer.ChaincodeID{Name: chaincode},
		Response:    &peer.Response{Status: 200, Payload: []byte(payload)},
		Results:     marshal(&rwset.TxReadWriteSet{NsRwset: []*rwset.NsReadWriteSet{{Namespace: chaincode, Rwset: writes}}}),
		Events: marshal(&peer.ChaincodeEvent{
			ChaincodeId: chaincode, TxId: r.GetTransactionId(), EventName: args[0], Payload: []byte(fmt.Sprint(args[1:])),
		}),
	}
	var endorsements []*peer.Endorsement
	for _, org := range r.GetEndorsingOrganizations() {
		endorsements = append(endorsements, &peer.Endorsement{Endorser: identityOf(org)})
	}
	body := &peer.Transaction{Actions: []*peer.TransactionAction{{
		Header: header.GetSignatureHeader(),
		Payload: marshal(&peer.ChaincodeActionPayload{
			ChaincodeProposalPayload: marshal(&peer.ChaincodeProposalPayload{Input: input.GetInput()}),
			Action: &peer.ChaincodeEndorsedAction{
				ProposalResponsePayload: marshal(&peer.ProposalResponsePayload{Extension: marshal(action)}),
				Endorsements:            endorsements,
			},
		}),
	}}}
	return &common.Envelope{Payload: marshal(&common.Payload{Header: &header, Data: marshal(body)})}
}

func identityOf(org string) []byte { return marshal(&msp.SerializedIdentity{Mspid: org}) }

func unmarshal(text []byte, m proto.Message) error { return proto.Unmarshal(text, m) }
