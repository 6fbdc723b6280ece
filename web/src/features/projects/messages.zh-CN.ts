export const zh = {
  home: {
    title: '合作项目',
    lead: '数字证书在线续期、签名与验证。请查找并进入您的项目办理。',
    find: '项目名称',
    enter: '进入',
    none: '没有找到符合条件的项目，请换一个名称查找，或联系客服。',
    tools: '公共工具',
    sign: '签名与解密',
    verify: '验证签名',
  },
  project: {
    menu: '项目菜单',
    process: '办理流程',
    help: '使用帮助',
    downloads: '软件下载',
    account: '账户信息',
    noDownloads: '本项目没有提供下载。',
    noHelp: '暂无内容，请联系客服。',
    accountText: '账户信息在登录后的“我的信息”中查看和核验。首次登录会先进入“补录并重置登陆信息”页面。',
    price: (price: string, months: number) => `续期价格：${price} / ${months} 个月`,
    free: (months: number) => `续期免费（${months} 个月）`,
    forgotNumber: '忘记首次办理时登记的证件号码？请致电客服，并准备最新的营业执照。',
  },
  about: {
    title: '平台介绍',
    text: [
      '印信 Signet 是数字证书自助服务平台。持有线下办理的 CA 锁（UKey）的企业，可以在这里补录账号、续费服务，并把新证书直接写入原来的 UKey。',
      '签名私钥只在 UKey 中产生和使用，不会离开 UKey;PIN 码只在您电脑上的 UKey 助手窗口中输入，不会发送到网站。',
      '延期后，原有的加密密钥仍保留在 UKey 中。系统在完成前会验证：以前能解密的文件，以后仍然能解密。',
    ],
  },
  contact: {
    title: '联系我们',
    lead: '各合作项目的客服联系方式如下。',
  },
  notOpen: {
    title: '尚未开放',
    register: '用户注册尚未开放',
    other: '该功能尚未开放',
    text: '本平台目前只办理线下已签发数字证书的在线续期。需要办理此项业务时，请联系客服。',
  },
  lost: { title: '没有找到该页面', text: '地址可能有误，或页面已移动。' },
}
