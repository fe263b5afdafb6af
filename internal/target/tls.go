package target

import (
	"crypto/tls"
	"crypto/x509"
	"os"
)

// tls makes the configuration of secure connections.
func (l *loader) tls() {
	t := l.format.TLS
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CA != "" {
		config.RootCAs = l.authorities(t.CA)
	}
	switch {
	case (t.Cert == "") != (t.Key == ""):
		l.doc.Fail("tls", "", "a client certificate needs both, cert and key")
	case t.Cert != "":
		pair, err := tls.LoadX509KeyPair(l.path(t.Cert), l.path(t.Key))
		if err != nil {
			l.doc.Fail("tls.cert", "", "with key %s: %v", l.path(t.Key), err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	l.file.TLS = config
}

func (l *loader) authorities(name string) *x509.CertPool {
	text, err := os.ReadFile(l.path(name))
	if err != nil {
		l.doc.Fail("tls.ca", "", "file %s: %v", l.path(name), cause(err))
		return nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		l.doc.Fail("tls.ca", "", "file %s holds no certificate in PEM", l.path(name))
	}
	return pool
}
