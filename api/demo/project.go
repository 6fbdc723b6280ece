package demo

import (
	"context"

	"signet/api/ra"
)

// ProjectSlug names the project of seed 002.
const ProjectSlug = "jhggzy"

// batchID and batchPassword belong to the batch that is imported.
const (
	batchID       = "demo-2016"
	batchPassword = "timevale123" // seed 002
)

func (s *seeder) project(ctx context.Context) error {
	s.made.Project = ProjectSlug
	return s.RA.EnsureProject(ctx, ra.Project{
		Slug: ProjectSlug, Name: "金华市公共资源交易中心", Product: "金华市招投标专用数字证书",
		PriceCents: 20000, TermMonths: 12, Demo: true,
		Contact: ra.Contact{Phone: "400-0878-198", Site: "www.tseal.cn", Hours: "周一至周五 9:00-18:00", Emergency: "15381193564"},
		Notice:  "演示环境:本页的项目、单位、证书、收款账户均为虚构,短信不会真的发出。",
		Process: []string{
			"使用首次申领 UKey 时提供的证件号码与初始密码登录,补录手机号并重置密码。",
			"在「我的服务」点击「续期」,按订单提示付款。",
			"在「我的证书」点击「延期」,确认风险,插入旧 UKey,用现有证书签署告知函。",
			"按页面提示在 UKey 助手窗口输入 PIN,新证书写入 UKey;旧的加密证书会保留,以前加密的文件仍可解密。",
		},
		Help: []string{
			"不清楚登记的证件号码:请联系客服,并提供最新营业执照。",
			"提示手机号已被使用:请联系客服。",
			"UKey 助手 ukeyd 未连接:确认它已启动,并已用页面上的配对码配对。",
			"PIN 连续输错会锁定 UKey;只剩一次机会时助手会特别提示。",
		},
	})
}
