package main

import (
	"os"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"signet/ca/cms"
	"signet/ca/gm"
	"signet/ca/pki"
)

func init() { scriptCommands["formats"] = writeFormats }

// formats DIR writes a certificate response, key blobs and a chain, all about one SM2 pair.
func writeFormats(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: formats DIR")
	}
	sign, signCert := selfSigned(ts, "签名")
	enc, encCert := selfSigned(ts, "加密")
	der, err := cms.WrapKey(nil, sign.PublicKey(), enc)
	ts.Check(err)
	key, err := cms.ParseEnvelopedKey(der)
	ts.Check(err)
	response := cms.CSRResponse{Sign: []*pki.Certificate{signCert}, Key: key, Encrypt: []*pki.Certificate{encCert}}
	ts.Check(os.MkdirAll(ts.MkAbs(args[0]), 0o755))
	for name, write := range map[string]func() ([]byte, error){
		"response.der": response.DER, "key.skf": key.SKF, "key.sdf": func() ([]byte, error) { return key.SDF2012(8) },
		"chain.p7b": func() ([]byte, error) { return cms.DegenerateP7B([]*pki.Certificate{signCert, encCert}, cms.GMT0010) },
	} {
		out, err := write()
		ts.Check(err)
		ts.Check(os.WriteFile(filepath.Join(ts.MkAbs(args[0]), name), out, 0o600))
	}
}

func selfSigned(ts *testscript.TestScript, cn string) (*gm.PrivateKey, *pki.Certificate) {
	key, err := gm.GenerateKey(nil)
	ts.Check(err)
	name, err := pki.NewName(pki.Attr{Type: pki.OIDCommonName, Value: cn})
	ts.Check(err)
	spki, err := pki.MarshalPublicKey(key.Public())
	ts.Check(err)
	alg, err := pki.SigAlgFor(key.Public())
	ts.Check(err)
	now := time.Now().UTC().Truncate(time.Second)
	tbs, err := pki.Template{Serial: []byte{1}, Issuer: name, Subject: name, NotBefore: now, NotAfter: now.AddDate(1, 0, 0), SPKI: spki, SigAlg: alg}.TBS()
	ts.Check(err)
	sig, err := pki.Sign(nil, key, alg, tbs)
	ts.Check(err)
	der, err := pki.Assemble(tbs, alg, sig)
	ts.Check(err)
	cert, err := pki.ParseCertificate(der)
	ts.Check(err)
	return key, cert
}
