package postgres

import (
	"crypto/tls"
	"net"
	"strings"
)

// Verified says whether nobody between here and the server at a postgres:// URL can
// read or answer in its place: it is on this machine, or its TLS certificate is
// verified (sslmode verify-full, or verify-ca), without another way beside it. What is
// left out of the URL, sslmode=prefer, is not: it takes any certificate, and none.
func Verified(address string) (bool, error) {
	config, err := parse(address)
	if err != nil {
		return false, err
	}
	safe := here(config.Host) || verifies(config.TLSConfig)
	for _, other := range config.Fallbacks {
		safe = safe && (here(other.Host) || verifies(other.TLSConfig))
	}
	return safe, nil
}

// here says whether a host is this machine: a socket's folder, or loopback.
func here(host string) bool {
	ip := net.ParseIP(host)
	return strings.HasPrefix(host, "/") || host == "localhost" || ip != nil && ip.IsLoopback()
}

func verifies(c *tls.Config) bool {
	return c != nil && (!c.InsecureSkipVerify || c.VerifyPeerCertificate != nil || c.VerifyConnection != nil)
}
