#compdef resetctl
# resetctl in zsh: source <(resetctl completion zsh), or as _resetctl in a
# folder of $fpath.
_resetctl() {
    local line
    local -a words_ values shown space
    words_=("${(@Q)words[2,CURRENT]}")
    for line in "${(@f)$(${(Q)~words[1]} __complete "${words_[@]}" 2>/dev/null)}"; do
        case $line in
        '') ;;
        :files)
            compset -P '-*='
            _files
            return
            ;;
        *)
            values+=("${line%%$'\t'*}")
            shown+=("${line/$'\t'/  -- }")
            [[ $values[-1] == *= ]] && space=(-S '')
            ;;
        esac
    done
    compadd -l -d shown "${space[@]}" -- $values
}
if [[ $funcstack[1] == _resetctl ]]; then
    _resetctl "$@"
else
    compdef _resetctl resetctl
fi
