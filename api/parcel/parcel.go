// Package parcel knows carriers and asks Kuaidi100 (快递100) where a parcel is.
//
// It refuses to know what is in a parcel, and sends the service nothing but carrier, waybill number and, where the carrier wants it, the last digits of the
// receiver's telephone number.
package parcel

import (
	"net/url"
	"time"
)

// State is what has become of a parcel.
type State string

// The states as far as they matter to who waits for it.
const (
	OnTheWay  State = "on_the_way"
	Delivered State = "delivered"
	Returned  State = "returned"
)

// Event is one thing that the carrier said.
type Event struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// Trace is what the carrier says of a parcel, newest first.
type Trace struct {
	State  State
	Events []Event
}

// carriers are Kuaidi100's codes with the names that people know.
// Source: Kuaidi100's list of companies (快递公司编码).
var carriers = map[string]string{
	"shunfeng": "顺丰速运", "ems": "EMS", "youzhengguonei": "邮政快递包裹", "zhongtong": "中通快递", "yuantong": "圆通速递", "shentong": "申通快递",
	"yunda": "韵达快递", "jd": "京东物流", "debangkuaidi": "德邦快递", "jtexpress": "极兔速递",
}

// Name is what a carrier is called; "" = not known.
func Name(carrier string) string { return carriers[carrier] }

// Page is where people can look themselves; "" without a number.
func Page(carrier, tracking string) string {
	if Name(carrier) == "" || tracking == "" {
		return ""
	}
	return "https://www.kuaidi100.com/chaxun?" + url.Values{"com": {carrier}, "nu": {tracking}}.Encode()
}
