export const zh = {
  title: '导入原证书持有人',
  help: '导入由其他 CA 颁发证书的企业：表格（XLSX 或 CSV）与证书压缩包（ZIP，内含持有人证书及其 CA 证书，至少一张根证书）。先试运行，逐行查看问题，再导入。重复导入不会产生变化。每次最多 5000 行；更多请使用 signetctl import legacy。',
  sheet: '持有人表格',
  archive: '证书压缩包',
  batch: '批次名称',
  project: '项目标识（表格未写明项目时使用）',
  password: '告知持有人的初始密码',
  noStatus: '原 CA 已不再发布吊销状态',
  dryRun: '试运行',
  commit: '正式导入',
  figures: (dry: boolean, rows: number, imported: number, unchanged: number, failed: number) =>
    `${dry ? '试运行，未写入：' : '已导入：'}共 ${rows} 行，${dry ? '可导入' : '导入'} ${imported}，无变化 ${unchanged}，有问题 ${failed}`,
  anchors: '将信任以下 CA，请核对指纹',
  root: '根证书',
  row: (n: number) => `第 ${n} 行`,
  warning: '提示',
}
