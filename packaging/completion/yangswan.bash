# What of the tables above may stand where the cursor is.

_yangswan_offer() {
    local IFS=$'\n'
    case $1 in
        @file) compopt -o default ;;
        @folder) compopt -o dirnames ;;
        @*) ;;
        *) mapfile -t COMPREPLY < <(compgen -W "${1// /$'\n'}" -- "$2") ;;
    esac
}

# Counts what cannot stand beside an option as given: as a rule itself, too.
_yangswan_note() {
    given+="${_yangswan_beside[$1 $2]-} "
}

# What only the program knows: commands of the command line, and the numbers of tunnels.
_yangswan_ask() {
    local -a answers
    mapfile -t answers < <("$@" 2>/dev/null)
    COMPREPLY+=("${answers[@]%%$'\t'*}")
}

_yangswan() {
    local place=${1##*/} option='' given=' ' offered='' that raw word
    local -a words=()
    local -i operand=0 first=-1 at joins=0
    # The shell has cut the words of the line at = and : too (COMP_WORDBREAKS).
    for ((at = 1; at <= COMP_CWORD; at++)); do
        that=${COMP_WORDS[at]}
        if ((${#words[@]} && joins)) || { ((${#words[@]})) && [[ $that =~ ^[:=]+$ ]]; }; then
            words[-1]+=$that
        else
            words+=("$that")
        fi
        joins=0
        [[ ! $that =~ ^[:=]+$ ]] || joins=1
    done
    for ((at = 0; at < ${#words[@]} - 1; at++)); do
        that=${words[at]}
        if [[ $option != '' ]]; then
            option=''
        elif [[ $that == -* ]]; then
            _yangswan_note "$place" "${that%%=*}"
            [[ $that == *=* || ! -v _yangswan_values[$place\ $that] ]] || option=$that
        elif ((first < 0)) && [[ " ${_yangswan_commands[$place]-} " == *" $that "* ]]; then
            first=at
            place+=" $that" given=' '
        else
            ((first >= 0)) || first=at
            operand+=1
        fi
    done
    ((first >= 0)) || first=${#words[@]}-1
    word=${words[-1]} COMPREPLY=()
    if [[ $option == '' && $word == --*=* ]]; then
        option=${word%%=*} word=${word#*=}
    fi
    if [[ $option != '' ]]; then
        _yangswan_offer "${_yangswan_values[$place $option]-@}" "$word"
    elif [[ $word == -* ]]; then
        for that in ${_yangswan_options[$place]-}; do
            [[ $given == *" $that "* ]] || offered+="${offered:+ }$that"
        done
        _yangswan_offer "$offered" "$word"
    elif ((operand == 0)) && [[ -v _yangswan_commands[$place] ]]; then
        _yangswan_offer "${_yangswan_commands[$place]}" "$word"
    else
        _yangswan_offer "${_yangswan_operands[$place $operand]-@}" "$word"
    fi
    if [[ $place == yangswan && $option == '' && $word != -* ]]; then
        _yangswan_ask "$1" "${words[@]:0:first}" complete -- "${words[@]:first}"
    fi
    # The shell replaces no more than the last piece of the word.
    raw=${COMP_WORDS[COMP_CWORD]}
    [[ ! $raw =~ ^[:=]+$ ]] || raw=''
    COMPREPLY=("${COMPREPLY[@]#"${word%"$raw"}"}")
}
