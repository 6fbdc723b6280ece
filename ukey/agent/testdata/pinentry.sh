#!/bin/sh
# A pinentry that plays a script. $PINENTRY_SCRIPT has one line per question: "pin TEXT", "ok", "cancel",
# "refuse", "timeout", "fault", "die" or "hang"; each question takes the first line away.
# $PINENTRY_SEEN collects what it was asked to show.
next() {
	line=$(head -n 1 "$PINENTRY_SCRIPT")
	sed -i 1d "$PINENTRY_SCRIPT"
}
echo "OK Pleased to meet you"
while IFS= read -r request; do
	echo "$request" >>"$PINENTRY_SEEN"
	case $request in
	GETPIN* | CONFIRM*)
		next
		case $line in
		pin\ *) printf 'S PIN_OK\nD %s\nOK\n' "${line#pin }" ;;
		ok) echo OK ;;
		cancel) echo "ERR 83886179 Operation cancelled <Pinentry>" ;;
		refuse) echo "ERR 83886194 not confirmed <Pinentry>" ;;
		timeout) echo "ERR 83886142 Timeout <Pinentry>" ;;
		fault) echo "ERR 83886340 something odd <Pinentry>" ;;
		hang) exec sleep 600 ;;
		*) exit 3 ;;
		esac
		;;
	OPTION*) echo "ERR 83886254 Unknown option <Pinentry>" ;;
	*) echo OK ;;
	esac
done
