package pki

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/c2sp/wycheproof"
)

// hexBytes is bytes as the vectors write them.
type hexBytes []byte

func (h *hexBytes) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	b, err := hex.DecodeString(s)
	*h = b
	return err
}

type wycheproofFile struct {
	NumberOfTests int
	TestGroups    []wycheproofGroup
}

type wycheproofGroup struct {
	Sha             string
	PublicKey       json.RawMessage // hex, or an object for ECDSA and RSA
	PublicKeyDer    hexBytes
	PrivateSeed     hexBytes
	PrivateKeyPkcs8 hexBytes
	Tests           []wycheproofTest
}

type wycheproofTest struct {
	TcID    int
	Comment string
	Flags   []string
	Result  string // valid, acceptable or invalid

	Msg, Sig, Ct, Iv, Salt, Public, Ctx hexBytes
	Password                            hexBytes
	IterationCount                      int
}

func (c wycheproofTest) has(flag string) bool { return slices.Contains(c.Flags, flag) }

// stricter are the valid cases that we refuse all the same, each with its reason. There are none the other way.
var stricter = []struct {
	applies func(c wycheproofTest) bool
	why     string
}{
	{func(c wycheproofTest) bool { return c.has("SmallPublicKey") }, "RSA exponent 3: ParsePublicKey wants at least 65537 (BR §6.1.6)"},
	{func(c wycheproofTest) bool { return len(c.Ctx) > 0 }, "ML-DSA with a context: in certificates it is empty (RFC 9881 §2), so its signature does not verify"},
	{func(c wycheproofTest) bool { return c.has("mldsa") && len(c.Msg) == 0 }, "ML-DSA over nothing: the library refuses it, and a certificate is never empty"},
}

// expected says whether we should accept the case: acceptable ones, which only legacy software takes, we refuse.
func (c wycheproofTest) expected() bool {
	for _, s := range stricter {
		if s.applies(c) {
			return false
		}
	}
	return c.Result == "valid"
}

// eachCase runs a file's cases. accepted says what we did, and whether the case is about anything of ours.
func eachCase(t *testing.T, file string, accepted func(g wycheproofGroup, c wycheproofTest) (ok, ours bool)) {
	t.Helper()
	text, err := fs.ReadFile(wycheproof.TestVectors, file+"_test.json")
	if err != nil {
		t.Fatal(err)
	}
	var f wycheproofFile
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	run := 0
	for _, g := range f.TestGroups {
		for _, c := range g.Tests {
			if strings.HasPrefix(file, "mldsa") {
				c.Flags = append(c.Flags, "mldsa")
			}
			ok, ours := accepted(g, c)
			if !ours {
				continue
			}
			run++
			if ok != c.expected() {
				t.Errorf("%s case %d (%s, %v): accepted %v, the case is %s", file, c.TcID, c.Comment, c.Flags, ok, c.Result)
			}
		}
	}
	if run < f.NumberOfTests/3 {
		t.Errorf("%s: only %d of %d cases ran", file, run, f.NumberOfTests)
	}
}

// verifies reads the group's key with our strict reader and checks the signature as certificates have it.
func verifies(g wycheproofGroup, c wycheproofTest, alg SigAlg) bool {
	pub, err := ParsePublicKey(g.PublicKeyDer)
	return err == nil && Verify(pub, alg, c.Msg, c.Sig) == nil
}

func TestWycheproofECDSA(t *testing.T) {
	for file, alg := range map[string]SigAlg{
		"ecdsa_secp256r1_sha256": ECDSAWithSHA256, "ecdsa_secp256r1_sha512": ECDSAWithSHA512,
		"ecdsa_secp384r1_sha256": ECDSAWithSHA256, "ecdsa_secp384r1_sha384": ECDSAWithSHA384, "ecdsa_secp384r1_sha512": ECDSAWithSHA512,
	} {
		t.Run(file, func(t *testing.T) {
			eachCase(t, file, func(g wycheproofGroup, c wycheproofTest) (bool, bool) { return verifies(g, c, alg), true })
		})
	}
}

func TestWycheproofRSA(t *testing.T) {
	for _, bits := range []int{2048, 3072, 4096, 8192} {
		for sha, alg := range map[string]SigAlg{"256": RSAWithSHA256, "384": RSAWithSHA384, "512": RSAWithSHA512} {
			file := fmt.Sprintf("rsa_signature_%d_sha%s", bits, sha)
			t.Run(file, func(t *testing.T) {
				eachCase(t, file, func(g wycheproofGroup, c wycheproofTest) (bool, bool) { return verifies(g, c, alg), true })
			})
		}
	}
}

// groupKey is the group's raw ML-DSA key.
func groupKey(t *testing.T, g wycheproofGroup) []byte {
	var raw hexBytes
	if err := json.Unmarshal(g.PublicKey, &raw); err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestWycheproofMLDSAVerify(t *testing.T) {
	for _, alg := range mldsaAlgs {
		file := fmt.Sprintf("mldsa_%s_verify", alg[len(alg)-2:])
		t.Run(file, func(t *testing.T) {
			eachCase(t, file, func(g wycheproofGroup, c wycheproofTest) (ok, ours bool) {
				pub, err := NewMLDSAPublicKey(alg, groupKey(t, g))
				if err != nil {
					return false, true
				}
				return Verify(pub, pub.set.sigAlg, c.Msg, c.Sig) == nil, true
			})
		})
	}
}

// zeros is the random source that makes ML-DSA deterministic (FIPS 204 §3.4).
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestWycheproofMLDSASign(t *testing.T) {
	for _, alg := range mldsaAlgs {
		file := fmt.Sprintf("mldsa_%s_sign_seed", alg[len(alg)-2:])
		t.Run(file, func(t *testing.T) {
			eachCase(t, file, func(g wycheproofGroup, c wycheproofTest) (ok, ours bool) {
				if c.has("Internal") || c.has("Randomized") {
					return false, false // from µ, which we never have, or with randomness that is given
				}
				key, err := NewMLDSAPrivateKey(alg, g.PrivateSeed)
				if err != nil {
					return false, true
				}
				if fromPKCS8, err := ParsePrivateKey(g.PrivateKeyPkcs8); g.PrivateKeyPkcs8 != nil && (err != nil || !key.Equal(fromPKCS8)) {
					t.Errorf("%s case %d: the seed and its PKCS#8 differ: %v", file, c.TcID, err)
				}
				sig, err := key.Sign(zeros{}, c.Msg, nil)
				return err == nil && bytes.Equal(sig, c.Sig) && bytes.Equal(key.public.raw, groupKey(t, g)), true
			})
		})
	}
}

// Public keys of P-256, right and wrong: curves by explicit parameters, points off the curve, BER, compressed points.
func TestWycheproofPublicKeys(t *testing.T) {
	for file, want := range map[string]KeyAlg{"ecdh_secp256r1": P256, "ecdh_secp384r1": P384} {
		t.Run(file, func(t *testing.T) {
			eachCase(t, file, func(_ wycheproofGroup, c wycheproofTest) (bool, bool) {
				pub, err := ParsePublicKey(c.Public)
				if err != nil {
					return false, true
				}
				alg, err := AlgOf(pub)
				return err == nil && alg == want, true // another curve's key is no error of its own
			})
		})
	}
}

func TestWycheproofPBES2(t *testing.T) {
	prfs := map[string]string{"sha1": "1.2.840.113549.2.7", "sha256": "1.2.840.113549.2.9", "sha384": "1.2.840.113549.2.10", "sha512": "1.2.840.113549.2.11"}
	ciphers := map[string]string{"128": "2.16.840.1.101.3.4.1.2", "192": "2.16.840.1.101.3.4.1.22", "256": "2.16.840.1.101.3.4.1.42"}
	for hash, prf := range prfs {
		for size, cipher := range ciphers {
			file := fmt.Sprintf("pbes2_hmac%s_aes_%s", hash, size)
			t.Run(file, func(t *testing.T) {
				eachCase(t, file, func(_ wycheproofGroup, c wycheproofTest) (bool, bool) {
					kdf := tlv(tagSequence, mustOID("1.2.840.113549.1.5.12"), tlv(tagSequence, tlv(tagOctetString, c.Salt),
						derUint([]byte{byte(c.IterationCount >> 16), byte(c.IterationCount >> 8), byte(c.IterationCount)}), tlv(tagSequence, mustOID(prf), derNull)))
					enc := tlv(tagSequence, mustOID(cipher), tlv(tagOctetString, c.Iv))
					alg := reader{b: slices.Concat(mustOID(oidPBES2), tlv(tagSequence, kdf, enc))}
					plain, err := openPBES2(&alg, c.Ct, c.Password)
					return err == nil && bytes.Equal(plain, c.Msg), true
				})
			})
		}
	}
}
