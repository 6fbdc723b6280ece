package demo

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"

	"signet/ca/cms"
	"signet/ca/pki"
)

const bidText = `投标文件(演示,内容虚构)

项目:金华市公共资源交易中心 2026 年示范工程施工
投标人:擎洲测试投标人6
投标报价:人民币 壹佰贰拾叁万肆仟伍佰陆拾柒元整(¥1,234,567.00)

本文件在证书延期之前加密,用来检验延期之后仍可解密。
This made-up bid was sealed before the renewal; it must still open afterwards.
`

// bid seals a bid to the old encryption certificate, as a bidder did before the renewal.
func (s *seeder) bid(context.Context) error {
	err := folder(filepath.Join(s.Dir, "bid"), func(dir string) error {
		cert, err := readCertificate(filepath.Join(s.legacyDir(), "certs", "74C2008800000AEA.cer"))
		if err != nil {
			return err
		}
		sealed, err := cms.Encrypt(rand.Reader, []byte(bidText), []*pki.Certificate{cert}, cms.GMT0010)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "投标文件.txt"), []byte(bidText), 0o600); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, "投标文件.txt.p7m"), sealed, 0o600)
	})
	s.made.Bid = filepath.Join(s.Dir, "bid", "投标文件.txt.p7m")
	s.made.BidText = filepath.Join(s.Dir, "bid", "投标文件.txt")
	return err
}
