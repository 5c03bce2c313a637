package command

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/node"
	"github.com/claimshare/claimshare/crypto/pre"
)

// soon is how long before its end a certificate is worth a warning.
const soon = node.ExpirySoon

func (p *patient) examineConnection(ctx context.Context, d *diagnosis, params *pre.Parameters) {
	c, err := ledger.LoadConnection(p.connection)
	if err != nil {
		d.add("connection", "", problem, err.Error(), `correct the file; "claimshare doctor --help" shows its shape`)
		return
	}
	p.examineLedger(ctx, d, p.connection, c, params)
}

// examineLedger looks at a connection that was read from somewhere, and at what
// it leads to.
func (p *patient) examineLedger(ctx context.Context, d *diagnosis, from string, c ledger.Connection, params *pre.Parameters) {
	d.ok("connection", from, "%s, channel %s, chaincode %s, %d peers", c.MSPID, c.Channel, c.Chaincode, len(c.Peers))
	if certificate, err := c.Certificate(); err != nil {
		d.add("certificate", "", problem, err.Error(), "put the certificate there that the organisation's authority issued")
	} else {
		p.examineCertificate(d, c.ClientCert, certificate)
		examineChain(d, c.ClientCert, certificate, p.now)
	}
	usable := examineClientKey(d, c)
	// All at once, since each may take its time; told in the order of the file.
	found := make([]diagnosis, len(c.Peers))
	answers := make([]ledgerAnswer, len(c.Peers))
	var all sync.WaitGroup
	for i, peer := range c.Peers {
		all.Go(func() {
			reached := p.examinePeer(ctx, &found[i], peer)
			switch {
			case !reached:
				found[i].add("gateway", peer.Endpoint, skipped, "not asked: there is no connection", "")
			case !usable:
				found[i].add("gateway", peer.Endpoint, skipped, "not asked: the client's certificate or key cannot be used", "")
			default:
				answers[i] = p.examineGateway(ctx, &found[i], c, peer, params)
			}
		})
	}
	all.Wait()
	for _, f := range found {
		d.take(f)
	}
	examineSetUp(d, c, answers)
}

// ledgerAnswer is what a peer says about the deployment.
type ledgerAnswer int

const (
	noAnswer ledgerAnswer = iota
	setUp
	notSetUp
)

// examineSetUp speaks of a new ledger once, not for each peer.
func examineSetUp(d *diagnosis, c ledger.Connection, answers []ledgerAnswer) {
	if !slices.Contains(answers, notSetUp) {
		return
	}
	if !slices.Contains(answers, setUp) {
		d.add("chaincode", c.Chaincode, warning, "it answers; the ledger is not set up yet",
			"the system manager sets it up, once, with claimshare node setup: docs/network.md#first-steps (make demo does so in a network of its own)")
		return
	}
	for i, answer := range answers {
		if answer == notSetUp {
			d.add("chaincode", c.Peers[i].Endpoint, problem, "this peer does not know yet that the ledger was set up",
				"it is behind the others: wait, and if that does not help, ask its operator")
		}
	}
}

// examineCertificate looks at a certificate's time.
func (p *patient) examineCertificate(d *diagnosis, path string, c *x509.Certificate) {
	const day = 24 * time.Hour
	end := c.NotAfter.UTC().Format(time.RFC3339)
	switch left := c.NotAfter.Sub(p.now); {
	case p.now.Before(c.NotBefore):
		d.add("certificate", path, problem, "it is not valid before "+c.NotBefore.UTC().Format(time.RFC3339),
			"check the clock of this machine, and of the machine that issued it")
	case left < 0:
		d.add("certificate", path, problem, "it expired on "+end, "have it renewed; key and name can stay")
	case left < soon:
		d.add("certificate", path, warning, fmt.Sprintf("it expires in %d days, on %s", left/day, end), "have it renewed now")
	default:
		d.ok("certificate", path, "%s, valid until %s", c.Subject, end)
	}
}

// examineChain verifies the client's certificate where the authority's lies
// beside it, or beside its folder as in an MSP.
func examineChain(d *diagnosis, path string, c *x509.Certificate, now time.Time) {
	pool, found := x509.NewCertPool(), false
	for _, folder := range []string{"cacerts", "../cacerts", "../intermediatecerts"} {
		files, _ := filepath.Glob(filepath.Join(filepath.Dir(path), folder, "*.pem"))
		for _, file := range files {
			text, err := os.ReadFile(file)
			found = err == nil && pool.AppendCertsFromPEM(text) || found
		}
	}
	if !found {
		d.add("issuer", path, skipped, "no authority's certificates in cacerts or ../cacerts to compare with", "")
		return
	}
	at := now
	if at.After(c.NotAfter) || at.Before(c.NotBefore) {
		at = c.NotBefore // the time has its own check
	}
	_, err := c.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		d.add("issuer", path, problem, err.Error(), "the authority in cacerts did not issue this certificate: use the certificate of this organisation")
		return
	}
	d.ok("issuer", path, "issued by %s", c.Issuer)
}

// examineClientKey says whether certificate and key can be used together.
func examineClientKey(d *diagnosis, c ledger.Connection) bool {
	l, err := ledger.Dial(c)
	if err != nil {
		d.add("client key", "", problem, err.Error(), "")
		return false
	}
	d.ok("client key", c.ClientKey, "private, and it belongs to the certificate")
	_ = l.Close()
	return true
}

// examinePeer makes a TLS connection, as the gateway client would.
func (p *patient) examinePeer(ctx context.Context, d *diagnosis, peer ledger.Peer) bool {
	host, _, _ := net.SplitHostPort(peer.Endpoint)
	name := peer.ServerName
	if name == "" {
		name = host
	}
	pool := x509.NewCertPool()
	text, err := os.ReadFile(peer.TLSRootCert)
	if err != nil {
		d.add("peer", peer.Endpoint, problem, err.Error(), `name the right file under "tlsRootCert"`)
		return false
	}
	if !pool.AppendCertsFromPEM(text) {
		d.add("peer", peer.Endpoint, problem, peer.TLSRootCert+" has no certificate in PEM form", `name the right file under "tlsRootCert"`)
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	start := time.Now()
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: pool, ServerName: name, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"}}}
	conn, err := dialer.DialContext(ctx, "tcp", peer.Endpoint)
	if err != nil {
		d.add("peer", peer.Endpoint, problem, err.Error(), connectAdvice(err, peer, name, text))
		return false
	}
	defer func() { _ = conn.Close() }()
	state := conn.(*tls.Conn).ConnectionState()
	if state.NegotiatedProtocol != "h2" {
		d.add("peer", peer.Endpoint, problem, "it speaks TLS but not HTTP/2", "check the port: it is another program's, or the peer's operations port")
		return false
	}
	leaf := state.PeerCertificates[0]
	if left := leaf.NotAfter.Sub(p.now); left < soon {
		d.add("peer", peer.Endpoint, warning, "its TLS certificate expires on "+leaf.NotAfter.UTC().Format(time.RFC3339), "tell the peer's operator")
	}
	d.ok("peer", peer.Endpoint, "%s as %s, after %d ms", tls.VersionName(state.Version), name, time.Since(start).Milliseconds())
	return true
}

// connectAdvice says what to do about a connection that failed.
func connectAdvice(err error, peer ledger.Peer, name string, root []byte) string {
	var (
		dns       *net.DNSError
		unknown   x509.UnknownAuthorityError
		wrongName x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &dns):
		return "the name is unknown: correct the endpoint, or add it to DNS or /etc/hosts"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: start the peer, or correct the port"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "no answer: check address, network and firewall, or give a longer --timeout"
	case errors.As(err, &unknown):
		return fmt.Sprintf("%s (%s) did not issue this peer's TLS certificate: name the TLS authority of the peer's organisation, not its identity authority",
			peer.TLSRootCert, subjectOf(root))
	case errors.As(err, &wrongName):
		return fmt.Sprintf(`the peer's certificate is not for %q: set "serverName" to one of: %s`, name, strings.Join(wrongName.Certificate.DNSNames, " "))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the peer's TLS certificate has expired, or this machine's clock is wrong: tell the peer's operator, or set the clock"
	case errors.As(err, &record):
		return "it does not speak TLS: correct the port, or switch TLS on at the peer"
	default:
		return "check endpoint, TLS authority and server name"
	}
}

func subjectOf(text []byte) string {
	block, _ := pem.Decode(text)
	if block == nil {
		return "no certificate"
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "no certificate"
	}
	return c.Subject.String()
}

// examineGateway asks one peer's gateway for the channel's height and the
// deployment's parameters.
func (p *patient) examineGateway(ctx context.Context, d *diagnosis, c ledger.Connection, peer ledger.Peer, params *pre.Parameters) ledgerAnswer {
	c.Peers = []ledger.Peer{peer}
	l, err := ledger.Dial(c)
	if err != nil {
		d.add("gateway", peer.Endpoint, problem, err.Error(), "")
		return noAnswer
	}
	defer func() { _ = l.Close() }()
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	height, err := l.Height(ctx)
	if err != nil {
		d.add("gateway", peer.Endpoint, problem, err.Error(), gatewayAdvice(err, c))
		return noAnswer
	}
	d.ok("gateway", peer.Endpoint, "accepts the certificate; channel %s has %d blocks", c.Channel, height)

	contract, transaction, _ := strings.Cut(record.TxSystem, ":")
	text, err := l.Evaluate(ctx, contract, transaction)
	var system record.System
	if err == nil {
		err = json.Unmarshal(text, &system)
	}
	switch {
	case errors.Is(err, record.ErrNotInitialised):
		return notSetUp
	case err != nil:
		d.add("chaincode", peer.Endpoint, problem, err.Error(), fmt.Sprintf(
			"check that chaincode %q is committed on channel %q and that its service runs", c.Chaincode, c.Channel))
		return noAnswer
	case params != nil && params.ID() != [32]byte(system.ParamsID):
		d.add("chaincode", peer.Endpoint, problem, "the ledger's parameters are "+system.ParamsID.String()+", not those of the file",
			"use the parameters file of this deployment")
	default:
		d.ok("chaincode", peer.Endpoint, "%s answers, parameters %s", c.Chaincode, system.ParamsID)
	}
	return setUp
}

// gatewayAdvice says what to do about a gateway that does not tell the height.
func gatewayAdvice(err error, c ledger.Connection) string {
	switch text := err.Error(); {
	case strings.Contains(text, "access denied"):
		return fmt.Sprintf(`the channel does not accept this certificate as one of %s: use the certificate of that organisation, or correct "mspId"; if both are right, the certificate was revoked`, c.MSPID)
	case strings.Contains(text, "config for channel"):
		return fmt.Sprintf("the peer has not joined channel %q: correct the name, or have the peer joined", c.Channel)
	case strings.Contains(text, "incorrect timestamp"):
		return clockAdvice
	default:
		return fmt.Sprintf("check that the peer has joined channel %q and that %s is a member of it, and ask the peer's operator", c.Channel, c.MSPID)
	}
}
