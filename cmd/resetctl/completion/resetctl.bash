# resetctl in bash: source <(resetctl completion bash)
_resetctl() {
    local word words=() i line value
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        # bash takes --flag=value and TARGET=value apart: put them together again.
        if ((${#words[@]})) && [[ $word == = || ${COMP_WORDS[i-1]} == = ]]; then
            words[${#words[@]}-1]+=$word
        else
            words+=("$word")
        fi
    done
    word=${words[${#words[@]}-1]}
    COMPREPLY=()
    while IFS= read -r line; do
        value=${line%%$'\t'*}
        if [[ $value == :files ]]; then
            compopt -o filenames 2>/dev/null
            [[ $word == -*=* ]] && word=${word#*=}
            while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$word")
            return
        fi
        [[ $value == *= ]] && compopt -o nospace 2>/dev/null
        # What bash replaces begins behind the last = of the word.
        [[ $word == *=* ]] && value=${value#"${word%"${word##*=}"}"}
        COMPREPLY+=("$value")
    done < <("${1/#\~/$HOME}" __complete "${words[@]}" 2>/dev/null)
}
complete -F _resetctl resetctl
