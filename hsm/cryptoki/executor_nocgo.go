//go:build !cgo

package cryptoki

type executor struct{}

func newExecutor() *executor { return &executor{} }

func (*executor) do(*request) *reply { return &reply{Fault: cgoFault} }

func (*executor) finalize() {}
