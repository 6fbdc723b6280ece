package status_test

import (
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"signet/ca"
	"signet/ca/pki"
	"signet/ca/status"
)

// TestOpenSSLReadsShardsAndDeltas: OpenSSL follows a kept list and its delta through hold, release and revocation, for the list of all and for
// the list of the certificate's shard; the list of another shard tells it nothing.
func TestOpenSSLReadsShardsAndDeltas(t *testing.T) {
	s := shardedSite(t, 2)
	cert := s.issue(t)
	dir := t.TempDir()
	write := func(name string, blocks ...[]byte) {
		t.Helper()
		text := []byte{}
		for _, der := range blocks {
			text = append(text, pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})...)
		}
		must(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	for name, c := range map[string]*pki.Certificate{"root.pem": s.Root, "issuing.pem": s.Issuing, "leaf.pem": cert} {
		must(t, os.WriteFile(filepath.Join(dir, name), pki.EncodePEM(c), 0o600))
	}
	kept, err := s.Store.BySerial("issuing", cert.SerialHex)
	must(t, err)
	verify := func() string {
		t.Helper()
		out, _ := openssl(t, dir, "verify", "-CAfile", "root.pem", "-untrusted", "issuing.pem", "-crl_check", "-use_deltas", "-extended_crl", "-CRLfile", "lists.pem", "leaf.pem")
		return out
	}
	for _, shard := range []int{0, kept.Shard} {
		t.Run(fmt.Sprint("shard ", shard), func(t *testing.T) {
			path := fmt.Sprintf("/crl/issuing/%d", shard)
			if shard == 0 {
				path = "/crl/issuing"
			}
			cert := s.issue(t)
			for kept, err = s.Store.BySerial("issuing", cert.SerialHex); shard != 0 && kept.Shard != shard; kept, err = s.Store.BySerial("issuing", cert.SerialHex) {
				must(t, err)
				cert = s.issue(t)
			}
			must(t, os.WriteFile(filepath.Join(dir, "leaf.pem"), pki.EncodePEM(cert), 0o600))
			must(t, s.PublishCRL(ctx, "issuing"))
			base := s.get(t, path+".crl")
			for _, step := range []struct {
				reason int
				says   string
			}{{ca.CertificateHold, "certificate revoked"}, {ca.RemoveFromCRL, "leaf.pem: OK"}, {ca.Superseded, "certificate revoked"}} {
				s.revoke(t, cert, step.reason)
				must(t, s.PublishChanges(ctx, "issuing"))
				write("lists.pem", base, s.get(t, path+"-delta.crl"))
				if out := verify(); !strings.Contains(out, step.says) {
					t.Fatalf("after reason %d: openssl does not say %q:\n%s", step.reason, step.says, out)
				}
			}
			write("lists.pem", base)
			if out := verify(); !strings.Contains(out, "leaf.pem: OK") {
				t.Fatalf("the kept list alone, from before:\n%s", out)
			}
		})
	}
	cert = s.issue(t)
	kept, err = s.Store.BySerial("issuing", cert.SerialHex)
	must(t, err)
	must(t, s.PublishCRL(ctx, "issuing"))
	must(t, os.WriteFile(filepath.Join(dir, "leaf.pem"), pki.EncodePEM(cert), 0o600))
	_, other, err := status.LoadCRL(ctx, s.Store, status.ListName("issuing", 3-kept.Shard, false))
	must(t, err)
	write("lists.pem", other)
	if out := verify(); strings.Contains(out, "leaf.pem: OK") {
		t.Fatalf("openssl takes the list of another shard:\n%s", out)
	}
}
