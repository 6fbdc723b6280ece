export const zh = {
  system: '后台管理',
  hello: (name: string) => `你好 ${name}`,
  portal: '用户自助服务系统',
  orders: '订单到账确认',
  menu: '后台管理菜单',
  coming: '建设中',
  comingItems: ['申请审核', '机构与账号', '证书与吊销', '发货与签收', '系统设置'],
  staffOnly: '此页面仅供工作人员使用',
  staffOnlyText: '您当前登录的是企业账号。请退出后使用工作人员账号登录，或返回用户自助服务系统。',
  notFinance: '您的角色暂时没有可用的后台功能。审核等功能正在建设中。',
}
