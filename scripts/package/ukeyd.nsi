; Installs ukeyd for the person who runs this, without an administrator. Made by scripts/release.
Unicode true
!define NAME "ukeyd"
!define RUN "Software\Microsoft\Windows\CurrentVersion\Run"
!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\${NAME}"
Name "Signet ${NAME} ${VERSION}"
OutFile "${OUT}"
RequestExecutionLevel user
InstallDir "$LOCALAPPDATA\Programs\${NAME}"
SetCompressor /SOLID lzma
!include FileFunc.nsh
!include LogicLib.nsh
!include nsDialogs.nsh
; Where ukeyd keeps its state; what is in portal.txt is the portal it pairs with at its first start.
!define STATE "$APPDATA\signet-ukeyd"
Var Portal
Var PortalField
Page custom askPortal readPortal
Page directory
Page instfiles
UninstPage uninstConfirm
UninstPage instfiles

; setup.exe /S /PORTAL="https://portal.example" (with its quotes) installs for managed computers without a question.
Function .onInit
  ${GetParameters} $0
  ${GetOptions} $0 "/PORTAL=" $Portal
FunctionEnd

; Paired before, or told the address already: nothing to ask.
Function askPortal
  ${If} $Portal != ""
  ${OrIf} ${FileExists} "${STATE}\portal.txt"
  ${OrIf} ${FileExists} "${STATE}\pairings\*.json"
    Abort
  ${EndIf}
  nsDialogs::Create 1018
  Pop $0
  ${NSD_CreateLabel} 0 0 100% 30u "请填写网站地址，例如 https://portal.example 。首次启动时会请您输入网页上的配对码。$\nAddress of the portal. At its first start ukeyd asks for the pairing code shown there."
  Pop $0
  ${NSD_CreateText} 0 36u 100% 13u "https://"
  Pop $PortalField
  nsDialogs::Show
FunctionEnd

Function readPortal
  ${NSD_GetText} $PortalField $Portal
  ${If} $Portal == "https://"
    StrCpy $Portal ""
  ${EndIf}
FunctionEnd

Section
  ; A running one keeps its file open; it loses no work by being ended: every job goes on where it was cut.
  nsExec::Exec 'taskkill /F /IM ukeyd.exe'
  SetOutPath "$INSTDIR"
  File "${FROM}\ukeyd.exe"
  File "${FROM}\README.md"
  SetOutPath "$INSTDIR\policies"
  File "${FROM}\policies\*.json"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  ${If} $Portal != ""
    CreateDirectory "${STATE}"
    FileOpen $0 "${STATE}\portal.txt" w
    FileWrite $0 "$Portal"
    FileClose $0
  ${EndIf}
  WriteRegStr HKCU "${RUN}" "${NAME}" '"$INSTDIR\ukeyd.exe"'
  WriteRegStr HKCU "${UNINSTALL}" "DisplayName" "Signet ${NAME}"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegDWORD HKCU "${UNINSTALL}" "NoModify" 1
  WriteRegDWORD HKCU "${UNINSTALL}" "NoRepair" 1
  ; Not an administrator's deployment, which leaves it to the next log-in: the person is there to pair, or an update replaced the running one.
  ${IfNot} ${Silent}
    Exec '"$INSTDIR\ukeyd.exe"'
  ${EndIf}
SectionEnd

; The folder with the pairing and the journal (${STATE}) is the person's own and stays.
Section "Uninstall"
  nsExec::Exec 'taskkill /F /IM ukeyd.exe'
  DeleteRegValue HKCU "${RUN}" "${NAME}"
  DeleteRegKey HKCU "${UNINSTALL}"
  RMDir /r "$INSTDIR\policies"
  Delete "$INSTDIR\ukeyd.exe"
  Delete "$INSTDIR\README.md"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
SectionEnd
