#!/bin/bash
# Puts a release of Vedette on this box, changes it for another, goes back, or takes it away; works without a network. See --help.
# shellcheck disable=SC2015 # `a && b || fail`: fail ends the program, so nothing runs twice
set -uo pipefail
shopt -s extglob
umask 022
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
unset PYTHONPATH PYTHONHOME CDPATH ENV BASH_ENV

HOME_OF_ALL=/opt/vedette
RELEASES=$HOME_OF_ALL/releases
CONFIG=/etc/vedette/device.yaml
LIB=/usr/lib # of systemd, udev and tmpfiles: what an owner writes below /etc wins over it
BESIDE=(vedette-{ingest,push,rollout,work}.service) # of the trainer: each is started by who has told it what it needs
TRIAL=vedette_trial # a service with the settings of vedette.service; a dash in its name would bring it the drop-ins of vedette-.service.d
FAILED=1 USAGE=2 REFUSED=3 NOT_READY=4 DISK=5 BUSY=6
READY_FOR_S=2 # so long it stays READY before it is believed
changed=no

usage() {
  cat <<'END'
Usage: install.sh [install] [--from FOLDER] [options]   put the release in FOLDER (default: where this script is) in force, whatever there was before
       install.sh upgrade   [--from FOLDER] [options]   the same, but refused when nothing is installed yet, or something newer
       install.sh downgrade [--to VERSION]  [options]   back to the release before, or to one that is still there
       install.sh remove    [--purge]                   take the program away; --purge: configuration, keys, recordings and users, too
       install.sh status                                what is installed, and whether it is READY

Options: --start | --no-start   start and wait for READY (default: where systemd runs and the box is configured), or leave the service alone
         --wait-s N             seconds until the service has to be READY (default 60; more where engines are built at the first start)
         --python FILE          the Python to use (default: /usr/bin/pythonX.Y, as the release says)
         --role box|trainer|both  which services this machine has (default: as before; at first trainer for a release with the trainer, else box)
         --wheels FOLDER        where the packages lie that a release made with --without-gpl leaves to you to fetch
                                (default: /usr/local/share/vedette/wheels, then the package index)

A release that does not come up is taken back, and the one before serves again. Data and configuration stay, whatever happens, but for remove --purge.
Broken off, even by kill -9 or a power cut, it is run again; what was in force stays in force.

Exit codes: 0 done, or nothing to do; 1 something failed; 2 wrong arguments, or not root; 3 the release does not fit this box, is damaged, or finds
fault with the configuration: nothing was changed; 4 it did not come up and was taken back; 5 the disk is full: nothing was changed; 6 another is at it
END
}
say() { printf '%s\n' "$*"; }
fail() { # CODE WORDS...
  local code=$1
  shift
  printf 'install.sh: %s\n' "$*" >&2
  exit "$code"
}

# --- versions ---------------------------------------------------------------------------------------------------------------------------------
sortable() { # as `sort -V` and dpkg order them: 0.2.0.dev1 < 0.2.0a1 < 0.2.0rc1 < 0.2.0 < 0.2.0.post1 < 0.2.1
  local version=$1
  [[ $version =~ ^(.*)\.dev([0-9]+)$ ]] && version=${BASH_REMATCH[1]}~~dev${BASH_REMATCH[2]}
  [[ $version =~ ^([0-9.]+)((a|b|rc)[0-9].*)$ ]] && version=${BASH_REMATCH[1]}~${BASH_REMATCH[2]}
  say "${version/.post/+post}"
}
older() { # is version $1 older than $2?
  [ "$1" != "$2" ] && [ "$(printf '%s\n%s\n' "$(sortable "$1")" "$(sortable "$2")" | sort -V | head -n 1)" = "$(sortable "$1")" ]
}
is_version() { [[ $1 =~ ^[0-9]+(\.[0-9]+)*((a|b|rc)[0-9]+)?(\.post[0-9]+)?(\.dev[0-9]+)?$ ]]; }
linked() { # the version that $HOME_OF_ALL/$1 leads to; nothing where there is none
  local to
  to=$(readlink "$HOME_OF_ALL/$1" 2>/dev/null) || return 0
  to=${to#"$HOME_OF_ALL/"}
  case $to in releases/*) is_version "${to#releases/}" && say "${to#releases/}" ;; esac
}
complete() { [ -f "$RELEASES/$1/COMPLETE" ]; }
installed() { # versions that are whole, the newest last
  local each
  for each in "$RELEASES"/*/COMPLETE; do
    [ -e "$each" ] && each=${each%/COMPLETE} && say "$(sortable "${each##*/}") ${each##*/}"
  done | sort -V | cut -d' ' -f2
}

# --- durable small files ----------------------------------------------------------------------------------------------------------------------
write() { # FILE: stdin, whole or not at all
  cat >"$1.new" && sync "$1.new" && mv -T "$1.new" "$1" && sync "$(dirname "$1")"
}
point() { # NAME VERSION: a link, flipped in one step; without VERSION: no link
  if [ -n "$2" ]; then
    ln -sfnT "releases/$2" "$HOME_OF_ALL/$1.new" && mv -T "$HOME_OF_ALL/$1.new" "$HOME_OF_ALL/$1"
  else
    rm -f "$HOME_OF_ALL/$1"
  fi && sync "$HOME_OF_ALL"
}

# --- is it a release, and for this box? -------------------------------------------------------------------------------------------------------
about() { sed -n "s/^$2=//p" "$1/RELEASE" 2>/dev/null | head -n 1; } # FOLDER NAME

check_release() { # FOLDER
  local from=$1 bad version arch glibc have
  [ -f "$from/RELEASE" ] && [ -f "$from/SHA256SUMS" ] ||
    fail $REFUSED "$from is no release: RELEASE or SHA256SUMS is not in it; unpack the whole tar and say --from FOLDER"
  bad=$(cd "$from" && sha256sum --check --quiet SHA256SUMS 2>/dev/null) ||
    fail $REFUSED "$from is damaged or was changed; copy it again. Wrong: ${bad//: FAILED*([^$'\n'])/}"
  bad=$(cd "$from" && find wheels deploy install.sh RELEASE -type f | sort | grep -vxF -f <(sed 's/^[0-9a-f]* [ *]//' SHA256SUMS)) &&
    fail $REFUSED "$from holds what SHA256SUMS does not know: $(tr '\n' ' ' <<<"$bad"); remove it, or copy the release again"
  version=$(about "$from" version) arch=$(about "$from" arch) glibc=$(about "$from" glibc)
  is_version "$version" || fail $REFUSED "$from/RELEASE states no version that can be one: $version"
  [ "$arch" = "$(uname -m)" ] || fail $REFUSED "this release is for $arch, this box is $(uname -m); get vedette-$version-$(uname -m)"
  have=$(getconf GNU_LIBC_VERSION | cut -d' ' -f2)
  ! older "$have" "$glibc" || fail $REFUSED "this release needs a C library of $glibc or newer, this box has $have; it is for a newer distribution"
  find_python "$(about "$from" python)"
}
find_python() { # X.Y -> $python
  local each some=("/usr/bin/python$1" "/usr/local/bin/python$1" /usr/bin/python3)
  [ -z "$PYTHON" ] || some=("$PYTHON")
  for each in "${some[@]}"; do
    "$each" -I -c "import sys, struct, venv; sys.exit(sys.version_info[:2] != (${1/./, }) or struct.calcsize('P') != 8)" 2>/dev/null || continue
    case $(readlink -f "$each") in
      /home/* | /root[/]* | /tmp/*) continue ;; # where the service may not look
    esac
    python=$each
    return
  done
  fail $REFUSED "this release needs Python $1 with its venv module, below /usr: ${PYTHON:+$PYTHON is not one; }get the release for the Python of this box ($(/usr/bin/python3 -V 2>&1)), or install python$1"
}
check_space() { # FOLDER
  local need free
  need=$(about "$1" needs_mib)
  mkdir -p "$RELEASES" || fail $DISK "$RELEASES cannot be made"
  free=$(($(df -Pk "$RELEASES" | awk 'END { print $4 }') / 1024))
  [ "$free" -ge "$need" ] || fail $DISK "$RELEASES needs $need MiB and has $free: make room and run this again; nothing was changed"
}

# --- the environment of a release -------------------------------------------------------------------------------------------------------------
build() { # FOLDER: $RELEASES/VERSION, whole once COMPLETE is in it
  local from=$1 version digest target log
  version=$(about "$from" version) target=$RELEASES/$(about "$from" version)
  digest=$(sha256sum <"$from/SHA256SUMS" | cut -d' ' -f1)
  if complete "$version"; then
    [ "$(cat "$target/COMPLETE")" = "$digest" ] && return
    case $version in
      "$(linked current)" | "$(linked previous)") fail $REFUSED "$version is installed with other contents than $from has; give the new one a version of its own" ;;
    esac
  fi
  rm -rf "$target"
  check_space "$from"
  say "Building $target with $("$python" -V)"
  mkdir -p "$target/tmp" || fail $DISK "$target cannot be made; nothing was changed"
  if log=$({ "$python" -I -m venv --without-pip "$target" && bring "$from" "$target" && pip_install "$from" "$target" && link_system "$target" && keep "$from" "$target"; } 2>&1); then
    rm -rf "$target/tmp"
    sync -f "$target" && write "$target/COMPLETE" <<<"$digest" && changed=yes && return
  fi
  rm -rf "$target"
  case $log in
    *'No space left'* | *'Errno 28'* | *'Disk quota'*) fail $DISK "the disk of $RELEASES is full: make room and run this again; nothing was changed" ;;
    *'is not here'*) fail $REFUSED "$version was not built, and nothing was changed: $(tail -n 1 <<<"$log")" ;;
    *) fail $FAILED "$version could not be built; nothing was changed. It said: $(tail -n 15 <<<"$log")" ;;
  esac
}
bring() { # FOLDER TARGET: what the release leaves to the owner to fetch, into TARGET/tmp/brought; pip_install knows it by its hash
  local name
  mkdir -p "$2/tmp/brought" || return
  for name in $(about "$1" bring); do
    cp "$WHEELS/$name" "$2/tmp/brought/" 2>/dev/null || fetch "$1" "$2" "${name%%-*}" ||
      { say "$name is not here: fetch it (\`pip download --no-deps\` of $(sed -n "s/^\(${name%%-*}==[^ ]*\).*/\1/p" "$1/wheels/requirements.txt"), on any machine like this one) and say --wheels FOLDER" && return 1; }
  done
}
fetch() { # FOLDER TARGET PACKAGE: from the package index that pip is set up for here
  grep "^$3==" "$1/wheels/requirements.txt" >"$2/tmp/wanted.txt" && TMPDIR="$2/tmp" "$2/bin/python" "$1/wheels/$(about "$1" pip)/pip" download --quiet \
    --disable-pip-version-check --no-cache-dir --retries 1 --no-deps --only-binary :all: --require-hashes --requirement "$2/tmp/wanted.txt" --dest "$2/tmp/brought"
}
pip_install() { # FOLDER TARGET: with the pip of the release, so that nothing is needed of the box but Python; only files whose hashes are listed
  env -i PATH="$PATH" LC_ALL=C.UTF-8 HOME="$2/tmp" TMPDIR="$2/tmp" PIP_CONFIG_FILE=/dev/null "$2/bin/python" "$1/wheels/$(about "$1" pip)/pip" install --quiet \
    --disable-pip-version-check --no-cache-dir --no-index --find-links "$1/wheels" --find-links "$2/tmp/brought" --no-deps --only-binary :all: --require-hashes \
    --requirement "$1/wheels/requirements.txt"
}
link_system() { # TARGET: of the system's packages just these two. With --system-site-packages every old numpy or OpenCV there would be in reach
  local site name place
  site=$("$1/bin/python" -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && mkdir -p "$1/system" || return
  while read -r name place; do
    ln -sfn "$place" "$1/system/$name" || return
  done < <("$python" -I -c '
import importlib.util as look
for name in ("systemd", "tensorrt"):
    spec = look.find_spec(name)
    if spec and spec.origin and spec.submodule_search_locations:
        print(name, list(spec.submodule_search_locations)[0])')
  say "$1/system" >"$site/vedette-system.pth"
}
keep() { # FOLDER TARGET: what going back to this release needs
  mkdir -p "$2/release" && cp -r "$1/deploy" "$1/install.sh" "$1/RELEASE" "$2/release/" && cp -r "$1/doc" "$1/licenses" "$1/LICENSE" "$1/NOTICE" "$2/" &&
    chmod -R u=rwX,go=rX "$2" &&
    [ "$("$2/bin/vedette" --version)" = "vedette $(about "$1" version)" ] && "$2/bin/vedette" run --help >/dev/null && "$2/bin/python" -I -c 'import av, cv2, numpy, onnxruntime'
}

# --- what is outside /opt ---------------------------------------------------------------------------------------------------------------------
add_user() { # NAME
  getent passwd "$1" >/dev/null || useradd --system --user-group --home-dir "/var/lib/$1" --no-create-home --shell /usr/sbin/nologin "$1" || return
  local group
  for group in video render; do # cameras; the GPU of a Jetson
    if [ "$1" = vedette ] && getent group $group >/dev/null; then usermod --append --groups $group "$1" || return; fi
  done
}
has_role() { case $ROLE in "$1" | both) true ;; *) false ;; esac }
services() { # that belong to the role and are to run
  if has_role box; then say vedette.service; fi
  if has_role trainer; then say vedette-trainer.service; fi
}
wanted_files() { # RELEASE-FOLDER: `source place` of all that is copied out of it
  local deploy=$1/deploy each name number
  for each in "$deploy"/systemd/*.{service,socket,path,timer,target} "$deploy"/install/*.service; do
    [ -f "$each" ] || continue
    case ${each##*/} in vedette-trainer.service | vedette-ingest.* | vedette-push.* | vedette-rollout.* | vedette-work.*) has_role trainer || continue ;; esac
    say "$each $LIB/systemd/system/${each##*/}"
  done
  for each in "$deploy"/systemd/*.d/*.conf; do
    name=${each##*/} number=${each##*/}
    number=${number%%-*}
    case $name in
      [0-9][0-9][0-9]-*) ! older "$(systemd_version)" "$number" || continue ;;
      jetson.conf) [ -e /etc/nv_tegra_release ] || continue ;;
      *) continue ;;
    esac
    say "$each $LIB/systemd/system/$(basename "$(dirname "$each")")/$name"
  done
  for each in "$deploy"/udev/*.rules; do [ -f "$each" ] && say "$each $LIB/udev/rules.d/${each##*/}"; done
  for each in "$deploy"/tmpfiles.d/*.conf; do [ -f "$each" ] && say "$each $LIB/tmpfiles.d/${each##*/}"; done
  for each in "$deploy"/journald/*.conf; do [ -f "$each" ] && say "$each $LIB/systemd/journald.conf.d/${each##*/}"; done
  say "$1/install.sh $HOME_OF_ALL/install.sh"
}
systemd_version() { systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p'; }
place_files() { # VERSION: its files, and away with those of another that it does not have
  local source place before wanted
  before=$(cat $HOME_OF_ALL/placed 2>/dev/null) wanted=$(wanted_files "$RELEASES/$1/release")
  printf '%s\n' "$before" "$(cut -d' ' -f2 <<<"$wanted")" | sed '/^$/d' | sort -u | write $HOME_OF_ALL/placed || return
  while read -r source place; do
    cmp -s "$source" "$place" && continue
    mkdir -p "$(dirname "$place")" && write "$place" <"$source" || return
    case $place in *.sh) chmod 755 "$place" ;; esac
    changed=yes
  done <<<"$wanted"
  while read -r place; do
    cut -d' ' -f2 <<<"$wanted" | grep -qxF "$place" || rm -f "$place"
  done < <(sed '/^$/d' <<<"$before")
  cut -d' ' -f2 <<<"$wanted" | write $HOME_OF_ALL/placed
}
place_links() {
  local name
  for name in vedette vedette-trainer; do
    link "/usr/bin/$name" "$HOME_OF_ALL/current/bin/$name"
  done
  mkdir -p /usr/share/doc/vedette && link /usr/share/doc/vedette/guide "$HOME_OF_ALL/current/doc/guide" &&
    link /usr/share/doc/vedette/images "$HOME_OF_ALL/current/doc/images"
}
link() { # PLACE TARGET; a program of another's stays
  if [ -e "$1" ] && [ ! -L "$1" ]; then
    say "warning: $1 is not ours and stays; the program is $2" >&2
  else
    [ "$(readlink "$1")" = "$2" ] || ln -sfnT "$2" "$1"
  fi
}
make_folders() {
  if has_role box; then # what is there already is kept, and made readable to the service
    add_user vedette && install -d -m 0750 -o root -g vedette /etc/vedette || return
    [ -e $CONFIG ] || printf '%s\n' '# What is true of this box; what its page sets comes on top. The guide to it: /usr/share/doc/vedette/guide/configure.md' \
      'data: /var/lib/vedette' | write $CONFIG || return
    chown root:vedette $CONFIG && chmod 0640 $CONFIG || return
  fi
  if has_role trainer; then add_user vedette-trainer && install -d -m 0750 -o root -g vedette-trainer /etc/vedette-trainer || return; fi
}

# --- the service ------------------------------------------------------------------------------------------------------------------------------
running_systemd() { [ -d /run/systemd/system ]; }
configured() { # VERSION: or it leads its owner through a page of its own
  ! has_role box || grep -qs '^cameras:' $CONFIG || "$RELEASES/$1/bin/vedette" setup-code --help >/dev/null 2>&1
}
reread() {
  running_systemd || return 0
  systemctl daemon-reload
  if [ -d /run/udev ] && command -v udevadm >/dev/null; then udevadm control --reload 2>/dev/null; fi
  if compgen -G "$LIB/tmpfiles.d/vedette*.conf" >/dev/null; then systemd-tmpfiles --create "$LIB"/tmpfiles.d/vedette*.conf; fi
  return 0
}
restart() {
  local unit
  for unit in $(services) $(running_systemd && systemctl list-units --plain --no-legend --state=active "${BESIDE[@]}" | cut -d' ' -f1); do
    systemctl reset-failed "$unit" 2>/dev/null
    systemctl --no-block restart "$unit" || return
  done
}
is_ready() { # that of all services; Type=notify: active is what a service is that has said READY
  local unit
  for unit in $(services); do
    [ "$(systemctl is-active "$unit")" = active ] || return 1
  done
}
restarts() {
  local unit
  for unit in $(services); do systemctl show --property NRestarts,MainPID "$unit"; done
}
wait_ready() {
  local end=$((SECONDS + WAIT_S)) before
  while [ $SECONDS -le $end ]; do
    if is_ready; then
      before=$(restarts)
      sleep $READY_FOR_S
      is_ready && [ "$before" = "$(restarts)" ] && return 0
    fi
    sleep 0.3
  done
  return 1
}
as_service() { # VERSION COMMAND...: as systemd would run that release's service: its user, its secrets and credentials, its fences
  local version=$1 place=/run/$TRIAL code=0 said
  shift
  if ! running_systemd; then
    timeout 180 runuser -u vedette -- env STATE_DIRECTORY=/var/lib/vedette "$@" </dev/null
    return
  fi
  systemctl --quiet stop $TRIAL.service 2>/dev/null # of a run that was broken off
  rm -rf $place && mkdir -m 0700 $place && mkdir -p /run/systemd/system && trial "$version" $place "$*" >/run/systemd/system/$TRIAL.service || return
  systemctl daemon-reload
  said=$(systemctl start $TRIAL.service 2>&1) || code=1
  if [ $code = 1 ] && [ ! -s $place/out ] && [ ! -s $place/err ]; then # it did not come so far as to say something itself
    say "$said" "$(journalctl --no-pager --lines 4 --output cat --unit $TRIAL.service 2>/dev/null)"
  fi
  cat $place/out 2>/dev/null
  cat $place/err >&2 2>/dev/null
  rm -rf $place /run/systemd/system/$TRIAL.service
  systemctl reset-failed $TRIAL.service 2>/dev/null
  return $code
}
trial() { # VERSION FOLDER COMMAND: a unit that runs it once, and takes nothing away from the service, which may be running
  settings_of "$1"
  cat <<END
[Service]
Type=oneshot
RemainAfterExit=no
Restart=no
WatchdogSec=0
TimeoutStartSec=180
OOMScoreAdjust=500
RuntimeDirectoryPreserve=yes
StandardInput=null
StandardOutput=file:$2/out
StandardError=file:$2/err
$(printf '%s=\n' ExecCondition ExecStartPre ExecStart ExecStartPost ExecReload ExecStop ExecStopPost)
ExecStart=$3
END
}
settings_of() { # VERSION: what systemd would be told of the service with that release: its unit, its drop-ins, and on top those of the owner
  local unit=vedette.service release=$RELEASES/$1/release main each place
  local -A named=()
  main=$release/deploy/systemd/$unit
  [ ! -f /etc/systemd/system/$unit ] || main=/etc/systemd/system/$unit # one that its owner masked is no file, and is tried all the same
  while read -r each place; do
    case $place in "$LIB/systemd/system/$unit.d/"*) named[${place##*/}]=$each ;; esac
  done < <(wanted_files "$release")
  for each in {/usr/local/lib,/run,/etc}/systemd/system/"$unit.d"/*.conf; do # the same name: the later counts
    [ ! -e "$each" ] || named[${each##*/}]=$each
  done
  {
    cat "$main"
    while read -r each; do say "" && cat "${named[$each]}"; done < <(printf '%s\n' "${!named[@]}" | sed '/^$/d' | sort)
  } | awk '/^\[/ { on = /^\[Service\]/ } on' | sed 's/%n/vedette.service/g; s/%[Np]/vedette/g'
}
faults() { # VERSION: what its doctor calls an error, one a line
  as_service "$1" "$RELEASES/$1/bin/vedette" doctor --config $CONFIG --json 2>/dev/null | "$RELEASES/$1/bin/python" -I -c '
import json, sys
try:
    found = json.load(sys.stdin)["findings"]
    print("\n".join(sorted({" ".join(f["subject"].split()) for f in found if f["level"] == "error"})))
except (ValueError, KeyError):
    print("doctor itself does not run")' | sed '/^$/d'
}
preflight() { # NEW OLD: the new release and the real configuration, before anything is changed
  has_role box && [ -e $CONFIG ] || return 0
  local said worse
  said=$(as_service "$1" "$RELEASES/$1/bin/vedette" check --no-probe --config $CONFIG 2>&1) ||
    fail $REFUSED "$1 finds fault with $CONFIG; mend it and run this again. ${2:+$2 stays in force. }It said: $said"
  worse=$(faults "$1")
  [ -z "$worse" ] && return
  if [ -z "$2" ]; then
    say "vedette doctor finds: $(paste -sd, <<<"$worse"); see \`vedette doctor\`"
  else # what is wrong already, an absent camera for example, does not keep a release out
    worse=$(comm -13 <(faults "$2") - <<<"$worse")
    [ -z "$worse" ] || fail $REFUSED "with $1 this box has faults that it has not with $2, which stays in force: $(paste -sd, <<<"$worse"); see $RELEASES/$1/bin/vedette doctor"
  fi
}

# --- putting a release in force ---------------------------------------------------------------------------------------------------------------
activate() { # VERSION: in force and READY, or the old one again
  local new=$1 old previous noted
  noted=$(cat $HOME_OF_ALL/pending 2>/dev/null)
  old=$(linked current) previous=$(linked previous)
  if [ -n "$noted" ]; then # an earlier run was broken off in the middle
    say "An earlier change was broken off; going on from there"
    read -r old previous <<<"$noted"
    [ "$old" = - ] && old='' || complete "$old" || old=''
    [ "$previous" = - ] && previous=''
    changed=yes
  fi
  [ "$old" = "$new" ] && old=''
  [ -n "$old" ] || [ "$(linked current)" = "$new" ] || changed=yes
  make_folders || fail $FAILED "users and folders could not be made"
  if [ -n "$old" ] || [ "$(linked current)" != "$new" ]; then preflight "$new" "$old"; fi
  say "${old:--} ${previous:--}" | write $HOME_OF_ALL/pending || fail $DISK "$HOME_OF_ALL cannot be written; nothing was changed"
  [ -z "$old" ] || point previous "$old" || fail $FAILED "$HOME_OF_ALL/previous cannot be changed"
  if [ "$(linked current)" != "$new" ]; then changed=yes; fi
  in_force "$new" || back "$new" "$old" "$previous"
  if [ "$START" = no ]; then
    say "Vedette $new is in force; not started (systemctl restart vedette)"
  elif [ $changed = no ] && is_ready; then
    say "Vedette $new is READY; nothing to do"
  elif restart && wait_ready; then
    say "Vedette $new is READY"
  else
    why "$new"
    back "$new" "$old" "$previous"
  fi
  rm -f $HOME_OF_ALL/pending && sync $HOME_OF_ALL
  prune
}
in_force() { # VERSION
  place_files "$1" && point current "$1" && place_links && reread || return
  if [ "$START" != no ] || ! running_systemd; then enable_services; fi
}
enable_services() {
  local unit
  command -v systemctl >/dev/null || return 0
  for unit in $(services) vedette-settle.service; do
    [ -f "$LIB/systemd/system/$unit" ] || continue
    systemctl --quiet enable "$unit" 2>/dev/null || { say "systemctl enable $unit failed" >&2 && return 1; }
  done
}
why() { # VERSION
  say "$1 is not READY after $WAIT_S s. Its journal ends with:" >&2
  journalctl --no-pager --lines 12 --output cat --unit vedette.service >&2 2>/dev/null
}
back() { # NEW OLD ITS-PREVIOUS: serve again with what served before; ends the program
  local old=$2 previous=$3
  if [ -z "$old" ]; then
    rm -f $HOME_OF_ALL/pending
    fail $NOT_READY "it is not READY, and there is no release before it to go back to; once what is wrong is mended it comes up by itself"
  fi
  say "Going back to $old" >&2
  complete "$previous" || previous=''
  { [ "$(linked current)" = "$old" ] || point current "$old"; } && rm -rf "${RELEASES:?}/$1" && # there is room again, if that was what was missing
    in_force "$old" && point previous "$previous" || fail $FAILED "$old could not be put back in force; run install.sh downgrade --to $old"
  rm -f $HOME_OF_ALL/pending
  [ "$START" != no ] || fail $FAILED "$1 could not be put in force; $old is again"
  WAIT_S=$((WAIT_S < 120 ? 120 : WAIT_S)) # it came up before, and the box may be busy
  restart && wait_ready || fail $NOT_READY "$1 was taken back; $old is in force again, and is not READY either: journalctl -u vedette"
  fail $NOT_READY "$1 was taken back; Vedette $old is READY again"
}
prune() { # releases that are neither in force nor the one before
  local each
  for each in "$RELEASES"/*; do
    case ${each##*/} in "$(linked current)" | "$(linked previous)" | '*') ;; *) rm -rf "$each" ;; esac
  done
}

# --- commands ---------------------------------------------------------------------------------------------------------------------------------
do_install() {
  local version current
  check_release "$FROM"
  version=$(about "$FROM" version) current=$(linked current)
  not_by_hand
  if [ "$COMMAND" = upgrade ]; then
    [ -n "$current" ] || fail $REFUSED "there is nothing to upgrade here; use install"
    ! older "$version" "$current" || fail $REFUSED "$version is older than $current, which is in force; use install or downgrade"
  fi
  mkdir -p "$RELEASES" 2>/dev/null || fail $DISK "$RELEASES cannot be made"
  set_role "$(about "$FROM" trainer)"
  build "$FROM"
  decide_start "$version"
  activate "$version"
}
set_role() { # yes|no: is the trainer in this release?
  local before
  before=$(cat $HOME_OF_ALL/role 2>/dev/null)
  case $1 in yes) ROLE=${ROLE:-${before:-trainer}} ;; *) ROLE=${ROLE:-${before:-box}} ;; esac
  case $ROLE in trainer | both) [ "$1" = yes ] || fail $REFUSED "the trainer is not in this release; get one made with --trainer" ;; esac
  [ "$ROLE" = "$before" ] || { write $HOME_OF_ALL/role <<<"$ROLE" && changed=yes; } || fail $DISK "$HOME_OF_ALL cannot be written; nothing was changed"
}
not_by_hand() { # an environment that was made in the place of ours
  [ ! -e $HOME_OF_ALL/pyvenv.cfg ] || fail $REFUSED "$HOME_OF_ALL is an environment made by hand; move it away (mv $HOME_OF_ALL $HOME_OF_ALL.old) and run this again"
  [ ! -e /etc/systemd/system/vedette.service ] || say "warning: /etc/systemd/system/vedette.service is not ours and wins over ours; remove it if you did not mean it to" >&2
}
decide_start() { # VERSION
  [ -z "$START" ] || return 0
  START=yes
  if ! running_systemd; then
    START=no
    say "systemd does not run here: the service is enabled, and starts with the box"
  elif [ -n "$(linked current)" ] && [ ! -f $HOME_OF_ALL/pending ] && turned_off; then
    START=no
    say "The service was turned off here, and stays so"
  elif ! configured "$1"; then
    START=no
    say "There is no camera in $CONFIG yet: \`vedette init --output $CONFIG\`, then \`systemctl enable --now vedette\`"
  fi
}
turned_off() { # by its owner
  local unit
  for unit in $(services); do
    if systemctl --quiet is-enabled "$unit" 2>/dev/null || systemctl --quiet is-active "$unit"; then return 1; fi
  done
}
do_downgrade() {
  local to=${TO:-$(linked previous)}
  [ -n "$to" ] || fail $REFUSED "there is no release before $(linked current) here; install one from its folder"
  is_version "$to" && complete "$to" || fail $REFUSED "$to is not here; there are: $(installed | tr '\n' ' ')"
  [ "$to" != "$(linked current)" ] || { say "$to is in force already" && return; }
  decide_start "$to"
  activate "$to"
}
do_settle() { # at the start of the box: a change that a power cut broke off is finished or taken back
  local new old previous
  [ -f $HOME_OF_ALL/pending ] || return 0
  read -r old previous <$HOME_OF_ALL/pending
  new=$(linked current) START=yes
  if wait_ready; then
    say "$new came up after a change that was broken off"
  elif [ "$old" != - ] && [ "$old" != "$new" ] && complete "$old"; then
    why "$new"
    back "$new" "$old" "${previous/#-/}"
  fi
  rm -f $HOME_OF_ALL/pending
}
do_remove() {
  local unit place
  say "Removing Vedette${PURGE:+ with its data and configuration}"
  if command -v systemctl >/dev/null; then
    for unit in vedette.service vedette-trainer.service "${BESIDE[@]}" vedette-settle.service; do
      if running_systemd; then systemctl --quiet stop "$unit" 2>/dev/null; fi
      systemctl --quiet disable "$unit" 2>/dev/null
    done
  fi
  for place in /usr/bin/vedette /usr/bin/vedette-trainer /usr/share/doc/vedette/guide /usr/share/doc/vedette/images; do
    case $(readlink "$place") in "$HOME_OF_ALL"/*) rm -f "$place" ;; esac
  done
  rmdir /usr/share/doc/vedette 2>/dev/null
  while read -r place; do
    case $place in "$LIB"/*) rm -f "$place" && rmdir "$(dirname "$place")" 2>/dev/null ;; esac
  done < <(cat $HOME_OF_ALL/placed 2>/dev/null)
  reread
  rm -rf --one-file-system "$RELEASES" && rm -rf --one-file-system $HOME_OF_ALL || fail $FAILED "$HOME_OF_ALL could not be removed whole; run this again"
  if [ -n "$PURGE" ]; then purge; else say "What you own stays: /etc/vedette, /var/lib/vedette (remove --purge takes them, too)"; fi
}
purge() {
  local name
  for name in vedette vedette-trainer; do
    rm -rf --one-file-system "/etc/${name:?}" "/var/lib/$name" "/var/lib/private/$name" "/var/cache/$name" "/etc/systemd/system/$name.service.d"
    if getent passwd $name >/dev/null; then userdel $name || say "user $name could not be removed" >&2; fi
    if getent group $name >/dev/null; then groupdel $name; fi
  done
  rm -f /etc/credstore/vedette.* /etc/credstore.encrypted/vedette.*
  say "What lies elsewhere (\`data\` on another disk) was not touched"
}
do_status() {
  local current each
  current=$(linked current)
  [ -n "$current" ] || { say "installed: none" && exit 1; }
  say "installed: $current"
  say "before: $(linked previous)"
  for each in $(installed); do say "release: $each ($(du -sm "$RELEASES/$each" | cut -f1) MiB)"; done
  say "role: $ROLE"
  if [ -f $HOME_OF_ALL/pending ]; then say "pending: a change was broken off; run install.sh again"; fi
  running_systemd || { say "service: systemd does not run here" && return; }
  for each in $(services); do say "service: $each $(systemctl is-active "$each") $(systemctl is-enabled "$each" 2>/dev/null)"; done
  is_ready || exit 1
}

arguments() {
  COMMAND=install FROM=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) START='' WAIT_S=60 PYTHON='' TO='' PURGE='' ROLE='' WHEELS=/usr/local/share/vedette/wheels
  case ${1:-} in install | upgrade | downgrade | remove | status | settle) COMMAND=$1 && shift ;; esac
  while [ $# -gt 0 ]; do
    case $1 in
      -h | --help) usage && exit 0 ;;
      --start) START=yes ;;
      --no-start) START=no ;;
      --purge) [ "$COMMAND" = remove ] || fail $USAGE "--purge goes with remove" && PURGE=yes ;;
      --from | --wait-s | --python | --to | --role | --wheels) [ $# -gt 1 ] || fail $USAGE "$1 needs a value; see --help" ;;&
      --from) FROM=$2 && shift ;;
      --wait-s) WAIT_S=$2 && shift ;;
      --python) PYTHON=$2 && shift ;;
      --to) TO=$2 && shift ;;
      --role) ROLE=$2 && shift ;;
      --wheels) WHEELS=$(cd "$2" 2>/dev/null && pwd) && shift || fail $USAGE "--wheels $2 is no folder" ;;
      *) fail $USAGE "$1 is not known here; see --help" ;;
    esac
    shift
  done
  [[ $WAIT_S =~ ^[0-9]{1,5}$ ]] || fail $USAGE "--wait-s $WAIT_S is no number of seconds"
  case $ROLE in '' | box | trainer | both) ;; *) fail $USAGE "--role is box, trainer or both, not $ROLE" ;; esac
  [ -d "$FROM" ] || fail $USAGE "$FROM is no folder; unpack the tar of a release first"
  FROM=$(cd "$FROM" && pwd)
  cd / || exit $FAILED # wherever this was called from may go away, or not be there to the service's user
}
alone() {
  exec 9>/run/vedette-install.lock || fail $FAILED "/run/vedette-install.lock cannot be made" # not in /run/lock, where everybody may be first
  flock --wait "$([ "$COMMAND" = settle ] && say 600 || say 0)" 9 || fail $BUSY "another install.sh is at work; wait for it"
}
main() {
  arguments "$@"
  if [ "$COMMAND" != install ] && [ "$COMMAND" != upgrade ]; then ROLE=$(cat $HOME_OF_ALL/role 2>/dev/null); fi
  if [ "$COMMAND" != status ]; then
    [ "$EUID" = 0 ] || fail $USAGE "$COMMAND needs root: sudo $0 $COMMAND"
    alone
  fi
  case $COMMAND in
    install | upgrade) do_install ;;
    *) "do_$COMMAND" ;;
  esac
}
# sourced, it only brings its functions
if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  main "$@"
  exit
fi
