package ra

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/xuri/excelize/v2"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
)

// figureSheet is a table of an export; in CSV one follows the other.
type figureSheet struct {
	name string
	rows [][]any // texts and ints
}

// ExportStatistics writes the figures that a filter gives as sheets.
//
// Shape: as ExportOrders; XLSX has a sheet for each table and figures as numbers.
// Errors: those of Statistics; CodeInvalidField for another format.
func (r *RA) ExportStatistics(ctx context.Context, by account.Actor, f StatisticsFilter, format string) ([]byte, error) {
	if format != FormatCSV && format != FormatXLSX {
		return nil, problem.New(problem.Invalid, problem.CodeInvalidField, "A sheet is csv or xlsx.").WithField("format")
	}
	s, err := r.Statistics(ctx, by, f)
	if err != nil {
		return nil, err
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		return tx.Audit(by.AccountID, "statistics.export", format, map[string]any{"from": s.From, "to": s.To, "project": f.Project, "region": f.Region})
	})
	if err != nil {
		return nil, err
	}
	sheets := s.sheets()
	if format == FormatXLSX {
		return figuresXLSX(sheets)
	}
	var rows [][]string
	for i, sheet := range sheets {
		if i > 0 {
			rows = append(rows, []string{""})
		}
		rows = append(rows, []string{sheet.name})
		for _, row := range sheet.rows {
			cells := make([]string, len(row))
			for j, cell := range row {
				cells[j] = fmt.Sprint(cell)
			}
			rows = append(rows, cells)
		}
	}
	return exportCSV(rows)
}

var applicationStates = map[ApplicationState]string{
	AppPending: "待审核", AppReviewing: "审核中", AppReturned: "退回补正", AppSecond: "复审中", AppPaying: "待支付", AppConsented: "已确认", AppReady: "待制证", AppShipping: "待发货",
	AppShipped: "已发货", AppReceived: "已签收", AppEnrolling: "制证中", AppIssued: "已签发", AppCompleted: "已完成", AppRejected: "已驳回", AppWithdrawn: "已撤回", AppFailed: "失败",
}

func (s *Statistics) sheets() []figureSheet {
	issued := []any{"新发", "延期", "变更", "补办", "签发合计", "吊销"}
	line := func(f IssuedFigures) []any {
		return []any{f.New, f.Renewed, f.Changed, f.Replaced, f.Issued(), f.Revoked}
	}
	series := figureSheet{"签发与吊销", [][]any{append([]any{map[string]string{ByDay: "日期", ByWeek: "周(周一)", ByMonth: "月份"}[s.By]}, issued...)}}
	for _, p := range s.Series {
		series.rows = append(series.rows, append([]any{p.Date}, line(p.IssuedFigures)...))
	}
	series.rows = append(series.rows, append([]any{"合计"}, line(s.Total)...))
	ending := figureSheet{"即将到期", [][]any{{"月份", "到期证书"}}}
	for _, p := range s.Ending {
		ending.rows = append(ending.rows, []any{p.Date[:len("2006-01")], p.New})
	}
	applications := figureSheet{"申请", [][]any{{"类型", "状态", "数量"}}}
	for _, k := range s.Applications {
		applications.rows = append(applications.rows, []any{kindNames[k.Kind], applicationStates[k.State], k.N})
	}
	review := figureSheet{"审核", [][]any{
		{"项目", "数值"}, {"通过", s.Review.Approved}, {"退回", s.Review.Returned}, {"驳回", s.Review.Rejected}, {"用时中位数(工作时间,分钟)", s.Review.Median}, {"用时九成以内(工作时间,分钟)", s.Review.P90},
		{"当前待审", s.Waiting}, {"当前超时", s.Overdue}, {"有效证书", s.Active},
	}}
	if !s.CountedAt.IsZero() {
		review.rows = append(review.rows, []any{"统计截至", s.CountedAt.In(china).Format(time.DateTime)})
	}
	list := []figureSheet{series, ending, applications, review}
	for _, part := range []struct {
		name, head string
		of         []PartFigures
	}{{"按项目", "项目标识", s.Projects}, {"按地区", "行政区划代码", s.Regions}} {
		sheet := figureSheet{part.name, [][]any{append([]any{part.head, "名称", "有效证书"}, issued...)}}
		for _, p := range part.of {
			sheet.rows = append(sheet.rows, append([]any{p.Key, p.Name, p.Active}, line(p.IssuedFigures)...))
		}
		list = append(list, sheet)
	}
	return list
}

func figuresXLSX(sheets []figureSheet) ([]byte, error) {
	book := excelize.NewFile()
	defer book.Close()
	for i, sheet := range sheets {
		if i == 0 {
			if err := book.SetSheetName("Sheet1", sheet.name); err != nil {
				return nil, err
			}
		} else if _, err := book.NewSheet(sheet.name); err != nil {
			return nil, err
		}
		for row, cells := range sheet.rows {
			for column, cell := range cells {
				name, err := excelize.ColumnNumberToName(column + 1)
				if err != nil {
					return nil, err
				}
				name += strconv.Itoa(row + 1)
				if n, number := cell.(int); number {
					err = book.SetCellInt(sheet.name, name, int64(n))
				} else {
					err = book.SetCellStr(sheet.name, name, fmt.Sprint(cell))
				}
				if err != nil {
					return nil, err
				}
			}
		}
	}
	var out bytes.Buffer
	if err := book.Write(&out); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
