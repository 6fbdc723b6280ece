import type { ThemeConfig } from 'antd'

// Contrast of every text colour on its ground is at least 4.5 : 1 (WCAG 2.1 AA).
export const theme: ThemeConfig = {
  token: {
    colorPrimary: '#1d4f91',
    colorInfo: '#1d4f91',
    colorLink: '#1d4f91',
    colorError: '#a61d24',
    colorSuccess: '#22763a',
    colorWarning: '#9a5b00',
    // The derived grounds of dark tones come out grey; these are light.
    colorWarningBg: '#fff7e8',
    colorWarningBorder: '#f0d3a0',
    colorErrorBg: '#fdf1f1',
    colorErrorBorder: '#f2bcbf',
    colorSuccessBg: '#eef8f0',
    colorSuccessBorder: '#b9dfc4',
    colorInfoBg: '#eef4fc',
    colorInfoBorder: '#b9d0ef',
    colorTextSecondary: '#4b5563',
    colorTextTertiary: '#5f6b7a',
    colorTextPlaceholder: '#6b7280',
    colorTextDisabled: '#5f6b7a',
    colorBgLayout: '#f3f5f9',
    borderRadius: 6,
    fontSize: 15,
    lineHeight: 1.6,
    fontFamily: `-apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif`,
  },
}
