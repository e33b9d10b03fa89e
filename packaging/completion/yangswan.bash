# What of the tables above may stand where the cursor is. Words of a line are cut at = and : too (COMP_WORDBREAKS).

_yangswan_offer() {
    local IFS=$'\n'
    case $1 in
        @file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
        @folder) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$2") ;;
        @*) ;;
        *) mapfile -t COMPREPLY < <(compgen -W "${1// /$'\n'}" -- "$2") ;;
    esac
}

# Counts what cannot stand beside an option as given: as a rule itself, too.
_yangswan_note() {
    given+="${_yangswan_beside[$1 $2]-} "
    [[ ! -v _yangswan_values[$1\ $2] ]] || option=$2
}

_yangswan() {
    local word=${COMP_WORDS[COMP_CWORD]} place=${1##*/} option='' given=' ' operand=0 at that offered=''
    COMPREPLY=()
    for ((at = 1; at < COMP_CWORD; at++)); do
        that=${COMP_WORDS[at]}
        if [[ $option != '' ]]; then
            [[ $that == '=' ]] || option=''
        elif [[ $that == -* ]]; then
            _yangswan_note "$place" "$that"
        elif [[ $operand == 0 && " ${_yangswan_commands[$place]-} " == *" $that "* ]]; then
            place+=" $that" given=' '
        else
            ((operand += 1))
        fi
    done
    [[ $word != '=' ]] || word=''
    if [[ $option != '' ]]; then
        _yangswan_offer "${_yangswan_values[$place $option]}" "$word"
    elif [[ $word == -* ]]; then
        for that in ${_yangswan_options[$place]-}; do
            [[ $given == *" $that "* ]] || offered+="${offered:+ }$that"
        done
        _yangswan_offer "$offered" "$word"
    elif [[ $operand == 0 && -v _yangswan_commands[$place] ]]; then
        _yangswan_offer "${_yangswan_commands[$place]}" "$word"
    else
        _yangswan_offer "${_yangswan_operands[$place $operand]-@}" "$word"
    fi
}
