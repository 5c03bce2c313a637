package node

import (
	"github.com/claimshare/claimshare/client"
	"github.com/claimshare/claimshare/client/mirror"
)

// openProxy makes a proxy that reads the ledger in the copy that this node
// follows it into.
func (p *party) openProxy() {
	p.copied = mirror.New(p.chain.Ledger(), p.store, p.listener)
	p.view = p.chain.As(p.copied)
	p.proxy = client.NewProxy(p.chain, p.keys, p.store, client.WithView(p.view))
}
