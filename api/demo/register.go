package demo

import (
	"strings"

	"signet/api/account"
)

// Register is a made-up register of organisations, so that comparing shows something in the demonstration.
func Register() (account.Register, error) {
	return account.ReadRegister("演示登记数据（虚构）", strings.NewReader(`code,name,legalName
91990000MA0000023K,杭州示例建设有限公司,王五
91990000MA0000031E,金华示例园林有限公司,赵六
91990000MA000004X6,宁波示例监理有限公司,钱七
`))
}
